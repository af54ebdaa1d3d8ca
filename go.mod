module github.com/tcpwhy/tcpwhy

go 1.26.0
