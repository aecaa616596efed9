//! A server over logs that behave and logs that do not.

mod authority;
mod faults;
mod reads;
mod support;
mod views;
