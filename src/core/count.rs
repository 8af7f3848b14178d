//! Characters as Mastodon counts them.
