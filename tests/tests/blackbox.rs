//! AIGNE Hub from outside: a process, its sockets, its files. One subject a file.

mod bad_input;
mod chat_translated;
mod chat_verbatim;
mod metering;
mod rules;
mod scripted_provider;
mod sdk;
