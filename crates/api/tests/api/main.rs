//! What every endpoint answers and what every change comes to, over a store that changes made.

mod replay;
mod world;
