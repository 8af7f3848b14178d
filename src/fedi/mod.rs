//! Mastodon-compatible servers in our verbs.
