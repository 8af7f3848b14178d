//! The other server families: SERVERS.md §2 and, where five of them were driven by hand, §3.

use super::{
    AfterDeletion, BadBody, Bodies, BotFlag, By, DeadParent, Delay, EmojiReplies, ErrorShape, Existence, Forms, Heed,
    Idempotency, Ids, KeptFrom, KeyOwner, Keys, LeftOut, LengthRule, LengthTold, Limits, Links, LocalAcct, MediaAgain,
    MediaOrder, Memory, MinId, NotificationIds, Nulls, Order, Overlap, Profile, Repeat, Reset, Scheduling, Scopes,
    StreamClose, StreamUrl, TooLong, Unlisted, UserAgent, Warnings,
};

/// How most of them read bodies.
const BODIES: Bodies = Profile::mastodon().bodies;

impl Profile {
    /// What none of them has: Mastodon's windows, its notification policy, an API version; a URL costs its length.
    const fn unlike_mastodon() -> Self {
        Self {
            api_version: None,
            length_rule: LengthRule::AsWritten,
            idempotency: Idempotency::Ignored,
            streaming: Existence::Absent,
            limits: None,
            policy: Existence::Absent,
            ..Self::mastodon()
        }
    }

    /// GoToSocial 0.20.
    #[must_use]
    pub const fn gotosocial() -> Self {
        Self {
            software: "gotosocial",
            version: "0.20.0-rc1",
            instance_version: "0.20.0-rc1",
            source_url: "https://codeberg.org/superseriousbusiness/gotosocial",
            max_characters: 5_000,
            max_media: 6,
            media_again: MediaAgain::Refused { status: 400 },
            streaming: Existence::Present,
            stream_url: StreamUrl::Encrypted,
            stream_close: StreamClose::Silent,
            // Which way the reset is written is not known; a time is tried on Mastodon, so a number is tried here.
            limits: Some(Limits::plain(By::Address, Reset::Epoch)),
            user_agent: UserAgent::Needed,
            invalid: 400,
            scheduling: Scheduling::Backdates,
            ids: Ids::Ulid,
            notification_ids: NotificationIds::LikeStatuses,
            left_out: LeftOut::Unlisted,
            self_mention: Existence::Present,
            interaction_policy: Existence::Present,
            notifications_page: 20,
            ..Self::unlike_mastodon()
        }
    }

    /// Pleroma and Akkoma: a key is kept six hours with any answer, errors too.
    #[must_use]
    pub const fn pleroma() -> Self {
        let keys = Keys { seconds: 21_600, from: KeptFrom::AnyAnswer, ..Keys::mastodon() };
        Self {
            software: "pleroma",
            version: "2.6.2",
            instance_version: "2.7.2 (compatible; Pleroma 2.6.2)",
            source_url: "https://git.pleroma.social/pleroma/pleroma",
            instance_v2: Existence::Absent,
            max_characters: 5_000,
            length_told: LengthTold::TootChars,
            per_url_told: None,
            idempotency: Idempotency::Kept(keys),
            streaming: Existence::Present,
            limits: Some(Limits::plain(By::Token, Reset::Untold)),
            ids: Ids::Flake,
            notifications_page: 20,
            ..Self::unlike_mastodon()
        }
    }

    /// Pleroma when its keys were not scoped to the user: another account is given the first one's answer.
    #[must_use]
    pub const fn pleroma_old() -> Self {
        let keys = match Self::pleroma().idempotency {
            Idempotency::Kept(keys) => Keys { owner: KeyOwner::Server, ..keys },
            Idempotency::Ignored => Keys::mastodon(),
        };
        Self {
            version: "2.2.0",
            instance_version: "2.7.2 (compatible; Pleroma 2.2.0)",
            idempotency: Idempotency::Kept(keys),
            ..Self::pleroma()
        }
    }

    /// Mitra 5.9: keys in memory; `unlisted` becomes public, warnings are dropped.
    #[must_use]
    pub const fn mitra() -> Self {
        let keys = Keys {
            owner: KeyOwner::FirstAccount { status: 403 },
            memory: Memory::Process,
            overlap: Overlap::Waits,
            ..Keys::mastodon()
        };
        Self {
            software: "mitra",
            version: "5.9.0",
            instance_version: "4.0.0 (compatible; Mitra 5.9.0)",
            source_url: "https://codeberg.org/silverpill/mitra",
            max_characters: 5_000,
            per_url_told: None,
            too_long: TooLong::Published,
            media_again: MediaAgain::Shared,
            media_order: MediaOrder::ByUpload,
            idempotency: Idempotency::Kept(keys),
            invalid: 400,
            bodies: Bodies { form: Forms::PlainFields, ..BODIES },
            scheduling: Scheduling::Ignored,
            ids: Ids::Uuid,
            notification_ids: NotificationIds::Number,
            left_out: LeftOut::AsParent,
            unlisted: Unlisted::Public,
            warnings: Warnings::Dropped,
            dead_parent: DeadParent::Refused { status: 400 },
            since_id: Heed::Ignored,
            types: Heed::Ignored,
            notification_by_id: Existence::Absent,
            links: Links::Next,
            status_links: Links::Next,
            notifications_page: 20,
            bot_flag: BotFlag::JsonOnly,
            ..Self::unlike_mastodon()
        }
    }

    /// Takahē 0.11.
    #[must_use]
    pub const fn takahe() -> Self {
        Self {
            software: "takahe",
            version: "0.11.0",
            instance_version: "takahe/0.11.0",
            source_url: "https://github.com/jointakahe/takahe",
            instance_v2: Existence::Broken,
            length_rule: LengthRule::TextAsWritten,
            media_again: MediaAgain::Shared,
            media_order: MediaOrder::Reversed,
            bad_token: 400,
            invalid: 400,
            errors: ErrorShape::TextOrHtml,
            bodies: Bodies {
                empty: BadBody::Refused { status: 500 },
                malformed: BadBody::Refused { status: 500 },
                ..BODIES
            },
            scheduling: Scheduling::Ignored,
            local_acct: LocalAcct::WithHost,
            notification_ids: NotificationIds::Number,
            own_directs: Existence::Absent,
            dead_parent: DeadParent::Kept,
            mention_delay: Delay { from_ms: 1_000, to_ms: 3_000, order: Order::Kept },
            notifications_page: 20,
            bot_flag: BotFlag::Ignored,
            ..Self::unlike_mastodon()
        }
    }

    /// snac 2.94.
    #[must_use]
    pub const fn snac() -> Self {
        Self {
            software: "snac",
            version: "2.94",
            instance_version: "2.94 (compatible; snac 2.94)",
            source_url: "https://codeberg.org/grunfink/snac2",
            instance_v2: Existence::Absent,
            max_characters: 100_000,
            per_url_told: Some(32),
            too_long: TooLong::Published,
            media_again: MediaAgain::Shared,
            streaming: Existence::Claimed,
            bad_token: 422,
            errors: ErrorShape::HtmlOrNothing,
            bodies: Bodies { empty: BadBody::Blank, malformed: BadBody::Blank, blank: Existence::Present, ..BODIES },
            local_acct: LocalAcct::WithPort,
            ids: Ids::TimedHash,
            status_mentions: Existence::Absent,
            own_directs: Existence::Absent,
            dead_parent: DeadParent::Forgotten,
            source: Existence::Absent,
            mention_delay: Delay { from_ms: 4_000, to_ms: 12_000, order: Order::Mixed },
            since_id: Heed::Ignored,
            min_id: MinId::NewestPage,
            notification_by_id: Existence::Absent,
            links: Links::Absent,
            status_links: Links::Absent,
            notifications_page: 1,
            bot_flag: BotFlag::FormOnly,
            ..Self::unlike_mastodon()
        }
    }

    /// Hollo 0.6: a server on which every cursor but its own is ignored, and a form makes an empty status.
    #[must_use]
    pub const fn hollo() -> Self {
        let keys = Keys { overlap: Overlap::BothPost, deleted: AfterDeletion::New, ..Keys::mastodon() };
        Self {
            software: "hollo",
            version: "0.6.0",
            instance_version: "4.2.1 (compatible; Hollo 0.6.0)",
            source_url: "https://github.com/fedify-dev/hollo",
            max_characters: 10_000,
            too_long: TooLong::Published,
            media_again: MediaAgain::Refused { status: 500 },
            idempotency: Idempotency::Kept(keys),
            errors: ErrorShape::Object,
            bodies: Bodies {
                form: Forms::Lost,
                null: Nulls::Refused,
                empty: BadBody::Refused { status: 500 },
                malformed: BadBody::Refused { status: 500 },
                blank: Existence::Present,
            },
            scheduling: Scheduling::Ignored,
            ids: Ids::Uuid,
            notification_ids: NotificationIds::TimeTypeUuid,
            status_mentions: Existence::Absent,
            dead_parent: DeadParent::Refused { status: 500 },
            max_id: Heed::Ignored,
            since_id: Heed::Ignored,
            min_id: MinId::Ignored,
            notification_by_id: Existence::Absent,
            links: Links::OlderThan,
            status_links: Links::Next,
            ..Self::unlike_mastodon()
        }
    }

    /// Pixelfed: a seen key is answered 400, and is seen from arrival on; no status without a picture, no directs.
    #[must_use]
    pub const fn pixelfed() -> Self {
        let keys = Keys { from: KeptFrom::Arrival, repeat: Repeat::Fails { status: 400 }, ..Keys::mastodon() };
        Self {
            software: "pixelfed",
            version: "0.12.5",
            instance_version: "3.5.3 (compatible; Pixelfed 0.12.5)",
            source_url: "https://github.com/pixelfed/pixelfed",
            text_only: Existence::Absent,
            idempotency: Idempotency::Kept(keys),
            scopes: Scopes::Plain,
            scheduling: Scheduling::Ignored,
            directs: Existence::Absent,
            source: Existence::Absent,
            ..Self::unlike_mastodon()
        }
    }

    /// Friendica: no keys, no streaming (an empty address), a warning at the top level becomes a title.
    #[must_use]
    pub const fn friendica() -> Self {
        Self {
            software: "friendica",
            version: "2024.12",
            instance_version: "2.8.0 (compatible; Friendica 2024.12)",
            source_url: "https://git.friendi.ca/friendica/friendica",
            max_characters: 200_000,
            stream_url: StreamUrl::Empty,
            warnings: Warnings::Titles,
            source: Existence::Absent,
            ..Self::unlike_mastodon()
        }
    }

    /// Iceshrimp.NET: a key is claimed on arrival for 24 hours, a repeat waits for the first, and one whose first request
    /// failed is answered 408 from then on; a lost parent is 400. Its rate limiter says no more than 429.
    #[must_use]
    pub const fn iceshrimp() -> Self {
        let keys = Keys {
            seconds: 86_400,
            from: KeptFrom::Claim { status: 408 },
            overlap: Overlap::Waits,
            ..Keys::mastodon()
        };
        Self {
            software: "Iceshrimp.NET",
            version: "2025.1",
            instance_version: "4.2.1 (compatible; Iceshrimp.NET/2025.1)",
            source_url: "https://iceshrimp.dev/iceshrimp/Iceshrimp.NET",
            max_characters: 8_192,
            idempotency: Idempotency::Kept(keys),
            streaming: Existence::Present,
            limits: Some(Limits::plain(By::Token, Reset::Silent)),
            scheduling: Scheduling::Refused { status: 422 },
            media_again: MediaAgain::Shared,
            dead_parent: DeadParent::Refused { status: 400 },
            invalid: 400,
            ..Self::unlike_mastodon()
        }
    }

    /// Sharkey: Misskey behind an API like Mastodon's; no keys, no stream behind the address it names, errors as
    /// sentences, and a reply of an emoji alone becomes a reaction.
    #[must_use]
    pub const fn sharkey() -> Self {
        Self {
            software: "sharkey",
            version: "2025.4.2",
            instance_version: "3.0.0 (compatible; Sharkey 2025.4.2; like Akkoma)",
            source_url: "https://activitypub.software/TransFem-org/Sharkey",
            max_characters: 3_000,
            max_media: 16,
            media_again: MediaAgain::Shared,
            streaming: Existence::Claimed,
            limits: Some(Limits::plain(By::Token, Reset::RetryAfter)),
            scheduling: Scheduling::Ignored,
            ids: Ids::Aidx,
            notification_ids: NotificationIds::LikeStatuses,
            dead_parent: DeadParent::Refused { status: 400 },
            invalid: 400,
            emoji_replies: EmojiReplies::Reactions,
            source: Existence::Absent,
            ..Self::unlike_mastodon()
        }
    }

    /// Firefish, as Sharkey; every refusal is a 401 with Misskey's error as an object, whatever was wrong.
    #[must_use]
    pub const fn firefish() -> Self {
        Self {
            software: "firefish",
            version: "20240729",
            instance_version: "3.0.0 (compatible; Firefish 20240729)",
            source_url: "https://firefish.dev/firefish/firefish",
            instance_v2: Existence::Absent,
            length_told: LengthTold::TootChars,
            streaming: Existence::Absent,
            limits: None,
            dead_parent: DeadParent::Refused { status: 401 },
            media_again: MediaAgain::Shared,
            invalid: 401,
            errors: ErrorShape::Object,
            ..Self::sharkey()
        }
    }
}
