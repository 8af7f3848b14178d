//! Mastodon (SERVERS.md §1), and Mastodon with one weakness each.

use super::{
    AfterDeletion, BadBody, Bodies, BotFlag, Commit, DeadParent, Delay, EmojiReplies, ErrorShape, Existence, Forms,
    Heed, Idempotency, Ids, Keys, LeftOut, LengthRule, LengthTold, Limits, Links, LocalAcct, MediaAgain, MediaOrder,
    MinId, NotificationIds, Nulls, Overlap, PolicyForm, Profile, Repeat, Requests, Scheduling, Scopes, Sorting,
    StreamClose, StreamUrl, TooLong, Unlisted, UserAgent, Warnings,
};

impl Profile {
    /// Mastodon 4.5, as SERVERS.md §1 describes it.
    #[must_use]
    pub const fn mastodon() -> Self {
        Self {
            software: "mastodon",
            version: "4.5.0",
            instance_version: "4.5.0",
            source_url: "https://github.com/mastodon/mastodon",
            api_version: Some(7),
            instance_v2: Existence::Present,
            max_characters: 500,
            length_rule: LengthRule::Mastodon { per_url: 23 },
            length_told: LengthTold::Configuration,
            per_url_told: Some(23),
            too_long: TooLong::Refused,
            max_media: 4,
            description_limit: 1500,
            media_again: MediaAgain::Refused { status: 422 },
            media_order: MediaOrder::AsAsked,
            text_only: Existence::Present,
            idempotency: Idempotency::Kept(Keys::mastodon()),
            commit: Commit::AtOnce,
            streaming: Existence::Present,
            stream_url: StreamUrl::Right,
            stream_close: StreamClose::Frame,
            limits: Some(Limits::mastodon()),
            bad_token: 401,
            scopes: Scopes::Fine,
            user_agent: UserAgent::Optional,
            invalid: 422,
            errors: ErrorShape::Sentence,
            bodies: Bodies {
                form: Forms::Read,
                null: Nulls::Absent,
                empty: BadBody::Blank,
                malformed: BadBody::Refused { status: 400 },
                blank: Existence::Absent,
            },
            scheduling: Scheduling::Kept,
            local_acct: LocalAcct::Short,
            ids: Ids::Snowflake,
            notification_ids: NotificationIds::Digits,
            status_mentions: Existence::Present,
            left_out: LeftOut::Public,
            unlisted: Unlisted::Kept,
            warnings: Warnings::Kept,
            directs: Existence::Present,
            own_directs: Existence::Present,
            own_list_lag: 0,
            dead_parent: DeadParent::Refused { status: 404 },
            parent_lag: 0,
            emoji_replies: EmojiReplies::Published,
            interaction_policy: Existence::Absent,
            source: Existence::Present,
            policy: Existence::Present,
            policy_form: PolicyForm::Groups,
            include_filtered: Heed::Heeded,
            of_account: Heed::Heeded,
            requests: Requests::WithStatus,
            mention_delay: Delay::NONE,
            self_mention: Existence::Absent,
            notifications_page: 40,
            notifications_page_max: 80,
            sorting: Sorting::NewestFirst,
            max_id: Heed::Heeded,
            since_id: Heed::Heeded,
            min_id: MinId::PageAfter,
            types: Heed::Heeded,
            notification_by_id: Existence::Present,
            links: Links::Both,
            status_links: Links::Both,
            statuses_page: 20,
            statuses_page_max: 40,
            bot_flag: BotFlag::Set,
        }
    }

    /// Mastodon 4.6: a repeated key is answered 500 although the status is there (mastodon#40399), and of overlapping
    /// requests the second gets 503.
    #[must_use]
    pub const fn mastodon_46() -> Self {
        let keys = Keys {
            repeat: Repeat::Fails { status: 500 },
            overlap: Overlap::Refused { status: 503 },
            deleted: AfterDeletion::NotFound,
            ..Keys::mastodon()
        };
        Self {
            version: "4.6.0",
            instance_version: "4.6.0",
            api_version: Some(8),
            idempotency: Idempotency::Kept(keys),
            ..Self::mastodon()
        }
    }

    /// So slow that a proxy answers 504; the status appears twenty seconds later, and its key only then (#21840).
    #[must_use]
    pub const fn mastodon_late() -> Self {
        Self { commit: Commit::Late { seconds: 20 }, ..Self::mastodon() }
    }

    /// `/accounts/:id/statuses` comes from a replica 45 seconds behind.
    #[must_use]
    pub const fn mastodon_lagging() -> Self {
        Self { own_list_lag: 45, ..Self::mastodon() }
    }

    /// Its anti-spam answers 200 with an invented id and stores nothing.
    #[must_use]
    pub const fn mastodon_pretending() -> Self {
        Self { commit: Commit::Never, ..Self::mastodon() }
    }

    /// A status cannot be answered in its first three seconds (#21932).
    #[must_use]
    pub const fn mastodon_young_parents() -> Self {
        Self { parent_lag: 3, ..Self::mastodon() }
    }
}
