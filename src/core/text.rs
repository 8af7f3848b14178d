//! Folding text so that what people type and what staff wrote can be compared.
