//! Watchpost posts a campaign's messages to Mastodon-compatible accounts and answers mentions with a sourced fact.
//!
//! This page is the map for whoever changes the code. What people do with the program is in `README.md`.
//!
//! # Bird's view
//!
//! A campaign is a folder: settings, facts and commands in `config/`, what it says in `posts/`. One process, the
//! daemon (`watchpost run`), turns it into statuses on the campaign's accounts. It lives with three kinds of people.
//! *Campaign accounts* must speak on time, once, for months, with nobody watching. *Staff*, most of them not
//! programmers, write files and use the commands; they get every mistake at once, with file and line, and a notice with
//! a next step when something needs a person. *Followers* ask, get an answer with source, date and link, or silence
//! when they want it.
//!
//! # The way of the data
//!
//! ```text
//!   config/ posts/         the ledger, in one database                                  servers
//! ┌─────────────┐         ┌──────────────────────────────────────────────────┐         ┌──────────────┐
//! │ posts/      │  plan   │ planned ─▶ claimed ─▶ armed ─┬─▶ sent ─────┐     │ publish │              │
//! │ queue add   │────────▶│    ▲                         ├─▶ refused   ▼     │────────▶│ a POST       │
//! │             │         │    │                         ├─▶ held   verified │         │              │
//! │             │         │    ├── provably not sent ◀───┤             ▲     │ settle  │              │
//! │             │         │    └── not found ◀─ unknown ◀┘── found ────┘     │◀────────│ own statuses │
//! │ facts       │ answer  │                                                  │ listen  │              │
//! │ limits      │────────▶│ mention + decision + armed reply: one commit     │◀────────│ mentions     │
//! └─────────────┘         └──────────────────────────────────────────────────┘         └──────────────┘
//! ```
//! Two producers, planning and answering, write rows; one sender takes them; one reader looks at what became of them.
//! Nothing is said that was not a row of the ledger first. [`core::delivery`] says what each state means and who moves a
//! row on.
//!
//! # Code map
//!
//! | module | owns |
//! |---|---|
//! | `main.rs` | parse, run, exit code: 0 fine, 1 something was found, 2 could not run |
//! | [`cli`] | one file per command, the only place that prints; `cli/workplace.rs` is what most of them begin with; `cli/demo.rs` plays the whole program against a sandbox; `cli/sim/` plays whole campaigns with faults and audits them; `cli/bench/` measures the budgets against the program in a process of its own |
//! | [`app`] | the composition root: opens the store, starts the jobs, stops them so that no outcome is lost |
//! | [`clock`] | time and dice, read nowhere else; set by hand in tests, wound forward in the demo |
//! | [`telemetry`] | the log on stderr; what is never logged |
//! | [`core`] | the rules as pure values and functions, in the next table |
//! | [`campaign`] | files become checked values: `campaign/tree.rs` walks TOML and YAML and never stops at the first mistake, `campaign/front_matter.rs` and `campaign/repeats.rs` know the keys of a post, `campaign/spreadsheet/` reads and writes tables of posts, `campaign/markdown.rs` writes post files, `campaign/rules.rs` the hours of silence, `campaign/examples.rs` labelled mentions, `campaign/secrets.rs` finds tokens, `campaign/watch.rs` notices edits |
//! | [`fedi`] | Mastodon-compatible servers in our verbs; `fedi/classify.rs` says what one POST did, `fedi/html.rs` what people see, `fedi/address.rs` where a token may go |
//! | [`store`] | the ledger on SQLite or PostgreSQL; `store/writer.rs` lets many verbs share a commit, `store/sending.rs` is claim, arm, record, `store/settling.rs` what read-back found, `store/mentions.rs` and `store/deciding.rs` mention and decision, `store/past.rs` what happened before a mention, `store/conversations.rs` which conversation it belongs to, `store/people.rs` who said stop, `store/asked.rs` mentions as staff see and steer them, `store/epoch.rs`, `store/doubt.rs` and `store/set_back.rs` a database that was restored, copied or set back with its machine, `store/left_out.rs` what accounts that were taken out left behind, `store/calendar.rs` what planning asks and `store/planning/` the plan written page by page, `store/intake.rs` what spreadsheets bring, `store/deliveries.rs` what staff see and steer, `store/approvals.rs`, `store/order.rs` and `store/pauses.rs` what they decided, `store/lock.rs` one daemon per file |
//! | [`jobs`] | the daemon's work, each a `tick` a test can drive: `jobs/link.rs` with `jobs/identity.rs` and `jobs/set_back.rs`, `jobs/staging.rs`, `jobs/plan.rs`, `jobs/publish.rs`, `jobs/attempt.rs`, `jobs/settle/`, `jobs/listen.rs`, `jobs/walk.rs`, `jobs/set_aside.rs`, `jobs/answer.rs`, `jobs/second_look.rs`, `jobs/by_hand.rs`, `jobs/keep.rs`; `jobs/context.rs` is what they share, `jobs/turns.rs` keeps a slow server from holding up others |
//! | [`sandbox`] | a Mastodon-compatible server in memory with faults on command, for the demo, rehearsals and tests; it shares no rule with the code it tests |
//! | `tests/` | `tests/house.rs` holds the invariants below, `tests/manual.rs` what README promises, `tests/e2e/` plays stories against the sandbox, `tests/calendar/` months of them on a clock set by hand, `tests/law/` holds the ledger law by force (every crash point times every outcome and server, simulated campaigns, kills of the real program), `tests/mentions.rs` measures understanding on mentions that taught nothing, `tests/fedi.rs` and `tests/sandbox_fidelity/` check client and sandbox against each other and against a client nobody here wrote |
//!
//! | in `core/` | owns |
//! |---|---|
//! | [`core::ids`], [`core::post`], [`core::fact`], [`core::mention`] | the words everybody uses, as types |
//! | [`core::delivery`] | a status to be created, its states, the armed record, what one POST can do |
//! | [`core::schedule`], [`core::plan`], [`core::lateness`] | local times and zones; which post goes out when; whether a due one may still go |
//! | [`core::rules`], [`core::alike`] | when accounts stay silent, and how far slots are shifted; whether two texts say nearly the same |
//! | [`core::approval`] | who must agree to a post, and whether somebody did, to exactly this |
//! | [`core::looking`], [`core::resemblance`] | when to look at the server after an attempt; whether a status there is the one we meant |
//! | [`core::text`], [`core::matching`], [`core::command`] | folding text; which facts a mention asks for, in which language; which command it gives |
//! | [`core::learning`] | what labelled examples teach about mentions that no keyword understands |
//! | [`core::decision`], [`core::budget`], [`core::coverage`] | answer, obey or stay silent, with the reason; how much may be said; what people ask and no fact answers |
//! | [`core::moves`] | the order staff gave to posts, move by move |
//! | [`core::intake`] | whether a post that comes in from a table is new, known or changed |
//! | [`core::timekeeping`] | whether our clock can be believed |
//! | [`core::allowance`], [`core::breaker`] | what the server still lets us create; when a failing server is left alone |
//! | [`core::compose`], [`core::count`], [`core::date_words`], [`core::plural`] | the words of a reply, made to fit the server; how many of what |
//!
//! # Invariants
//!
//! The ledger law, in short:
//!
//! 1. A delivery is known by account, post, occurrence and part, or by account and mention; the database holds one row
//!    of each. Moving or editing a post that was sent makes no new one.
//! 2. A row is `armed`, with its text and key frozen, and committed before the first byte of its request leaves.
//!    [`Fedi::publish`](fedi::Fedi::publish) takes the [`Armed`](core::delivery::Armed) record and refuses a stale one;
//!    only [`store`] makes such records.
//! 3. Nothing is sent inside a transaction, and every write of a sender names row, state and fence: whoever lost a row
//!    changes nothing.
//! 4. A POST is made once and never repeated by the connection. Only what provably did not arrive goes straight back to
//!    `planned`. What may have arrived is `unknown` and is looked for among our own statuses; in doubt it counts as
//!    found. Only after the last look saw nothing is it sent again, if it is still wanted.
//! 5. The Idempotency-Key is a keyed hash of identity and generation: the same over attempts, restarts and machines,
//!    except where a server replays its errors under a key, and after a key that was refused twice.
//! 6. A mention gets one decision with its reason, in the transaction that spends its limits and arms its reply.
//! 7. Not early, not after expiry, not twice, never lost without a row that says why.
//!
//! A database can forget: a backup is restored, a folder is copied. [`recognise`](store::Store::recognise) compares it
//! at each start with the epoch in `watchpost.epoch` beside it and with where it was used. An older one is taken, and
//! what it believes to be unsent is `unknown` first: overdue rows, the queue's next slots, answers to mentions from
//! before the start. A machine that was set back as a whole, that file with it, is noticed by what its accounts show:
//! before an account speaks after a start, its newest statuses are compared with the ledger, and one that no row owns and
//! that says what a row has yet to say begins the same doubt. A database that was last used elsewhere may be a copy
//! whose original runs: the daemon refuses it until `watchpost doctor --moved-here`.
//!
//! A database can go away while the program runs: then all jobs end, nothing is sent, and when it is back
//! [`come_back`](store::Store::come_back) makes what was on its way `unknown` before the jobs start anew; it
//! is recognised as at a start, because it may be back from a backup.
//!
//! What is absent, and where (`tests/house.rs` holds it): [`core`] has no async, IO, clock, environment, SQL or HTTP.
//! [`campaign`], [`fedi`], [`store`] and [`sandbox`] never see each other. [`jobs`] do not see campaign files, terminal
//! or sandbox. No SQL stands outside [`store`], no server's path outside [`fedi`] and [`sandbox`], no reading of time or
//! chance outside [`clock`], no print outside [`cli`]. No word list of a language stands in `src/`. Tokens are in no log,
//! no error and no database row.
//!
//! # A post goes out
//!
//! 1. [`campaign::load`] reads `posts/` into [`Post`](core::post::Post)s; [`app::desk`] hands them to the jobs. When a
//!    file changes, [`campaign::watch`] says so and the desk is replaced as a whole.
//! 2. [`jobs::plan::tick`] asks [`core::plan::agenda`], which plans the coming days as `watchpost plan` shows them ([`core::rules`] and pauses close slots, [`core::plan::late`] says what becomes of late ones, [`core::plan::repeated`] what is held for having been said), and
//!    [`write_plan`](store::Store::write_plan) makes each part of each occurrence a `planned` row. A text the account
//!    said within 60 days is `held` instead. Later parts of a thread wait for the part before them.
//! 3. [`jobs::publish::run`] sleeps until [`next_due`](store::Store::next_due), in slices of a second, so that a stepped
//!    clock or a suspended machine is noticed. It gives each account with something due one turn at a time.
//! 4. [`claim_due`](store::Store::claim_due) ends what stands in the way of the first due row (it is too late, somebody
//!    said stop, it may have been sent), and claims one.
//!    [`judge`](core::lateness::judge) decides whether a late one may go; [`upload`](fedi::Fedi::upload) brings its
//!    pictures.
//! 5. [`arm`](store::Store::arm) commits the attempt and returns the `Armed` record, or nothing when staff held or
//!    cancelled the row meanwhile.
//! 6. [`Fedi::publish`](fedi::Fedi::publish) makes the one POST, called by `jobs/attempt.rs`; `fedi/classify.rs` reads what it did as an
//!    [`Outcome`](core::delivery::Outcome).
//! 7. [`record`](store::Store::record) ends the hold: `sent` with the server's id, `planned` again with a time, or
//!    `refused`, `held`, `unknown`. If the process dies between 5 and 7, [`take_over`](store::Store::take_over) finds
//!    the row `armed` at the next start and makes it `unknown`.
//! 8. [`jobs::settle::tick`] looks at the account's own statuses when [`core::looking`] says so. A `sent` row that is
//!    seen becomes [`verified`](store::Store::verified), and the next part of its thread may go; one that is not seen
//!    in ten minutes is `held`. An `unknown` row is found by [`resemblance`](core::resemblance::resemblance), or,
//!    absent at the last look, goes back to `planned`; [`looked`](store::Store::looked) writes it down.
//!
//! # A mention is answered
//!
//! 1. [`jobs::link::tick`] has learned who we are there. [`jobs::listen::run`] opens the stream
//!    ([`open_stream`](fedi::Fedi::open_stream)), and [`jobs::walk::tick`] walks the pages of notifications
//!    ([`mentions_page`](fedi::Fedi::mentions_page)) at the start, after every reconnect and every minute, because a
//!    stream may lose what a page still has. What a server's policy set aside and shows on no page is read among its
//!    notification requests (`jobs/set_aside.rs`). What a walk finds is decided oldest first; only a stop goes before its
//!    author's own questions of the same walk. A person is every name they go by, each kept as a keyed hash
//!    ([`core::mention::Asker::names`]).
//! 2. Both ways end in `jobs/answer.rs`. While our clock is not believed it leaves the mention to a later walk, because
//!    how old anything is cannot be told; times of a server that is wrong by itself are read by ours. It takes one
//!    of the account's eight places for replies in flight, or leaves the reply to the publish job.
//! 3. [`record_mention`](store::Store::record_mention) opens a transaction. A mention that is known ends here, but for
//!    a stop that its author wrote into it afterwards. Else it
//!    reads what happened before ([`Past`](core::decision::Past)) and calls [`decide`](core::decision::decide).
//! 4. `decide` is pure. [`Matcher::read`](core::matching::Matcher::read) finds command, facts and language, by keywords first and then
//!    by [examples](core::learning); limits and
//!    reasons for silence are looked at; [`compose::reply`](core::compose::reply) writes the words and makes them fit.
//!    A mention over a minute old is looked at again before it is answered, and so is a reply that waited
//!    (`jobs/second_look.rs`): what is gone, narrowed, changed into something else, or answered by hand is left in peace.
//! 5. The same transaction stores mention, reason, consent and the reply's row, already armed. After the commit
//!    [`send_reply`](jobs::publish::send_reply) posts and records it as above.
//!
//! # Not built yet
//!
//! - The staff page: `[web]` is read and not used.
//! - `watchpost account login`: tokens come from files, the environment or systemd.

pub mod app;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod core;
pub mod fedi;
pub mod jobs;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
pub mod telemetry;
