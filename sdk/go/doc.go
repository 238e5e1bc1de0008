// Package switchyard is the Go client of Switchyard.
//
// Client is a server as an observer sees it. Its Join makes an Instance that stays on the network over breaks and restarts of
// the server; its WatchNetwork makes a Network, a replica of the graph that keeps itself up to date. An Instance makes streams,
// and connections to peers that are net.Conn and cannot be read by the server. Messages are those of the protos, in the
// package switchyard.example/switchyard/v1.
//
// Every call takes a context; without a deadline it has 10 s. Every refusal is an *Error.
package switchyard
