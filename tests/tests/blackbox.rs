//! AIGNE Hub from outside: a process, its sockets, its files. One subject a file.

mod scripted_provider;
mod sdk;
