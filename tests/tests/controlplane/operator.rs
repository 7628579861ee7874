//! The operator as a process: who leads, what it may see, and what it survives. It has exactly the rights that it needs.

mod leadership;
mod money;
mod objects;
mod rights;
mod scale;
mod statuses;
mod survival;
