//! How the server behaves, as data: one [`Profile`] per server family of SERVERS.md §2 and §3, and one per way a
//! server can be unreliable. [`Profile::ALL`] names them; `watchpost sandbox --profile NAME` runs one.
//!
//! Invariant: handlers read fields, they never ask which software this is. A new family is a new value (`mastodons`,
//! `families`); a new habit is a new field, explained in `habits` or `keys`, that every value must fill and one place
//! interprets.
//!
//! Where SERVERS.md has no entry ("–", "?") a family does what Mastodon does.

mod families;
mod habits;
mod keys;
mod mastodons;
mod windows;

pub use habits::{
    BadBody, Bodies, BotFlag, Commit, DeadParent, Delay, EmojiReplies, ErrorShape, Existence, Forms, Heed, Ids,
    LeftOut, LengthRule, LengthTold, Links, LocalAcct, MediaAgain, MediaOrder, MinId, NotificationIds, Nulls, Order,
    PolicyForm, Requests, Scheduling, Scopes, Sorting, StreamClose, StreamUrl, TooLong, Unlisted, UserAgent, Warnings,
};
pub use keys::{AfterDeletion, Idempotency, KeptFrom, KeyOwner, Keys, Memory, Overlap, Repeat};
pub use windows::{By, Limits, Reset, Window};

/// The habits of one server family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `software.name` in nodeinfo.
    pub software: &'static str,
    /// Version in nodeinfo.
    pub version: &'static str,
    /// Version in both instance documents; off Mastodon with a note of what it is compatible to.
    pub instance_version: &'static str,
    /// `source_url` in the second instance document.
    pub source_url: &'static str,
    /// `api_versions.mastodon`; absent on servers that do not speak of it.
    pub api_version: Option<u32>,
    /// `/api/v2/instance`.
    pub instance_v2: Existence,
    /// Characters a status may have, counted by [`Profile::length_rule`].
    pub max_characters: usize,
    /// How characters are counted.
    pub length_rule: LengthRule,
    /// Where the instance documents say how long a text may be.
    pub length_told: LengthTold,
    /// `characters_reserved_per_url` as it is told, whatever a URL really costs.
    pub per_url_told: Option<usize>,
    /// What happens to a text above the limit.
    pub too_long: TooLong,
    /// Attachments a status may have.
    pub max_media: usize,
    /// Characters of an attachment's description.
    pub description_limit: usize,
    /// A file that already belongs to a status.
    pub media_again: MediaAgain,
    /// The order of attachments in a status.
    pub media_order: MediaOrder,
    /// Whether a top-level status may be words alone.
    pub text_only: Existence,
    /// What a repeated `Idempotency-Key` does.
    pub idempotency: Idempotency,
    /// When an accepted status comes to stand.
    pub commit: Commit,
    /// Whether statuses are streamed over WebSocket.
    pub streaming: Existence,
    /// How the streaming address is written in the instance documents.
    pub stream_url: StreamUrl,
    /// How the server ends a stream.
    pub stream_close: StreamClose,
    /// Whether requests are counted and what the answers tell about it.
    pub limits: Option<Limits>,
    /// Status code for an unknown token.
    pub bad_token: u16,
    /// Which scopes a token needs.
    pub scopes: Scopes,
    /// A request that does not say what program it comes from.
    pub user_agent: UserAgent,
    /// Status code for a status that is not valid.
    pub invalid: u16,
    /// What an error's body looks like.
    pub errors: ErrorShape,
    /// How bodies are read.
    pub bodies: Bodies,
    /// `scheduled_at`.
    pub scheduling: Scheduling,
    /// How an account of this server is written in `acct`.
    pub local_acct: LocalAcct,
    /// How ids of accounts, statuses and attachments are written.
    pub ids: Ids,
    /// How ids of notifications are written.
    pub notification_ids: NotificationIds,
    /// Whether `mentions` of a status names anybody.
    pub status_mentions: Existence,
    /// Visibility of a status that does not say it.
    pub left_out: LeftOut,
    /// What becomes of `unlisted`.
    pub unlisted: Unlisted,
    /// What becomes of a content warning.
    pub warnings: Warnings,
    /// Direct statuses: absent, they are refused; claimed, they are taken and shown to everybody.
    pub directs: Existence,
    /// Whether an account's own direct statuses are in `/accounts/:id/statuses`.
    pub own_directs: Existence,
    /// Seconds until a status is in `/accounts/:id/statuses` of its author, by the sandbox's clock.
    pub own_list_lag: u32,
    /// A reply to a deleted status.
    pub dead_parent: DeadParent,
    /// Seconds for which a new status is unknown as a parent, by the sandbox's clock.
    pub parent_lag: u32,
    /// A reply that is an emoji and nothing else.
    pub emoji_replies: EmojiReplies,
    /// Whether people may say who answers them ([`crate::sandbox::Answers`]).
    pub interaction_policy: Existence,
    /// `/api/v1/statuses/:id/source`.
    pub source: Existence,
    /// The notification policy, and the filtering it does.
    pub policy: Existence,
    /// How the policy is written.
    pub policy_form: PolicyForm,
    /// `include_filtered` of notifications.
    pub include_filtered: Heed,
    /// `account_id` of notifications; heeded, it shows filtered ones as well.
    pub of_account: Heed,
    /// Whether `/api/v1/notifications/requests` tells the words of what it lists.
    pub requests: Requests,
    /// When a mention is listed.
    pub mention_delay: Delay,
    /// Whether an account is notified when it names itself.
    pub self_mention: Existence,
    /// Page size of notifications without `limit`.
    pub notifications_page: usize,
    /// Largest page of notifications.
    pub notifications_page_max: usize,
    /// How notifications are sorted.
    pub sorting: Sorting,
    /// `max_id` of notifications.
    pub max_id: Heed,
    /// `since_id` of notifications.
    pub since_id: Heed,
    /// `min_id` of notifications.
    pub min_id: MinId,
    /// `types[]` and `exclude_types[]` of notifications.
    pub types: Heed,
    /// `GET /api/v1/notifications/:id`.
    pub notification_by_id: Existence,
    /// The `Link` header of notifications.
    pub links: Links,
    /// The `Link` header of lists of statuses.
    pub status_links: Links,
    /// Page size of statuses without `limit`.
    pub statuses_page: usize,
    /// Largest page of statuses.
    pub statuses_page_max: usize,
    /// Setting `bot` on the profile.
    pub bot_flag: BotFlag,
}

/// A name and what makes the profile of that name.
pub type Named = (&'static str, fn() -> Profile);

impl Profile {
    /// Every profile by name. The first is the default; the `mastodon-…` ones are Mastodon with one weakness.
    pub const ALL: [Named; 18] = [
        ("mastodon", Profile::mastodon),
        ("mastodon-4.6", Profile::mastodon_46),
        ("mastodon-late", Profile::mastodon_late),
        ("mastodon-lagging", Profile::mastodon_lagging),
        ("mastodon-pretending", Profile::mastodon_pretending),
        ("mastodon-young-parents", Profile::mastodon_young_parents),
        ("gotosocial", Profile::gotosocial),
        ("pleroma", Profile::pleroma),
        ("pleroma-old", Profile::pleroma_old),
        ("mitra", Profile::mitra),
        ("takahe", Profile::takahe),
        ("snac", Profile::snac),
        ("hollo", Profile::hollo),
        ("pixelfed", Profile::pixelfed),
        ("friendica", Profile::friendica),
        ("iceshrimp", Profile::iceshrimp),
        ("sharkey", Profile::sharkey),
        ("firefish", Profile::firefish),
    ];

    /// The profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Profile> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, make)| make())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_its_name_and_no_name_is_used_twice() {
        for (name, make) in Profile::ALL {
            assert_eq!(Profile::named(name), Some(make()), "{name}");
            assert_eq!(Profile::ALL.iter().filter(|(other, _)| *other == name).count(), 1, "{name}");
        }
        assert_eq!(Profile::named("mastodon"), Some(Profile::mastodon()));
        assert_eq!(Profile::named("nobody-knows"), None);
    }
}
