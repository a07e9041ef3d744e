//! The network against servers that lie, stall and lead astray.

mod bounds;
mod packages;
mod resuming;
mod ssrf;
mod tls;
