//! `watchpost sim`: whole campaigns of simulated weeks with faults, audited at the end.

pub mod daemon;
