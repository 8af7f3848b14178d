//! Which facts a mention asks for.
