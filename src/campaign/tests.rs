//! Whole campaigns.
