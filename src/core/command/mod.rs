//! Which command a mention gives, if any (DESIGN §6). No word list lives here: the phrases come from
//! `config/commands.toml` as a [`CommandBook`]; [`CommandReader`] finds them in a text.

mod grammar;
mod phrases;
mod reader;
mod template;

use std::collections::BTreeMap;

use crate::core::fact::ByLang;
use crate::core::ids::TopicId;

pub use grammar::Address;
pub use phrases::PhraseList;
pub(crate) use phrases::full_words;
pub use reader::{CommandReader, Found};
pub use template::{Groups, Unclear, check};

/// What a follower can tell the bot to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Never write to me again.
    Stop,
    /// You may write to me again.
    Start,
    /// Another fact on the same topic.
    More,
    /// Where does that come from?
    Sources,
    /// What can I ask about?
    Topics,
    /// What are you, what can I do?
    Help,
}

impl Command {
    /// Every command.
    pub const ALL: [Command; 6] =
        [Command::Stop, Command::Start, Command::More, Command::Sources, Command::Topics, Command::Help];

    /// The word `config/commands.toml` and the database use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Command::Stop => "stop",
            Command::Start => "start",
            Command::More => "more",
            Command::Sources => "sources",
            Command::Topics => "topics",
            Command::Help => "help",
        }
    }

    /// Stop and start are obeyed whatever else a mention says; the others give way to a topic keyword.
    #[must_use]
    pub fn always_wins(self) -> bool {
        matches!(self, Command::Stop | Command::Start)
    }
}

/// Stop before start before the rest, which keep the order of the text.
fn rank(command: Command) -> u8 {
    match command {
        Command::Stop => 0,
        Command::Start => 1,
        Command::More | Command::Sources | Command::Topics | Command::Help => 2,
    }
}

/// Everything in `config/commands.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandBook {
    /// Phrases that stand for one another within the lines below: `{writing}`.
    pub groups: ByLang<Groups>,
    /// Whole clauses that are a command by themselves; brackets as [`check`] reads them.
    pub phrases: BTreeMap<Command, ByLang<Vec<String>>>,
    /// For stop and start: a verb whose object is our writing to them; `*` stands for anything that follows.
    pub patterns: BTreeMap<Command, ByLang<Vec<String>>>,
    /// Phrases that mean stop, unless somebody else is called by name in the same sentence (`stop, Amazon!`).
    pub calls: ByLang<Vec<String>>,
    /// Phrases that mean stop, unless the mention goes on about the campaign's topics (`enough! Amazon must …`).
    pub outcries: ByLang<Vec<String>>,
    /// Phrases that tell of an earlier stop (`i told you to stop`): they mean stop again, unless the mention also says start.
    pub told: ByLang<Vec<String>>,
    /// Words beside a stop, in its sentence, that show that it was somebody else's or none (`said my boss`, `stop, wait`).
    pub unmeant: ByLang<Vec<String>>,
    /// Words dropped around a command: greetings, thanks, please.
    pub courtesy: ByLang<Vec<String>>,
    /// How a question begins (`tell me about`, `qué es`): a sign that an everyday word is meant as a topic.
    pub asking: ByLang<Vec<String>>,
    /// Words and signs of somebody who jokes or mocks (`lol`, `😂`): then a topic alone is no question.
    pub joking: ByLang<Vec<String>>,
    /// Words that say a topic is *not* meant (`not about`): what stands right behind them is not looked at.
    pub negation: ByLang<Vec<String>>,
    /// Words behind which somebody says something else than before (`but`): a stop may begin there.
    pub turning: ByLang<Vec<String>>,
    /// What people say who want no fact (`thanks for the thread on`): where nobody asks, no topic is meant.
    pub talk: ByLang<Vec<String>>,
    /// Words of fear and blame (`creepy`, `blood on`): somebody who asks nothing speaks about the campaign's subject.
    pub concern: ByLang<Vec<String>>,
    /// Words that people of every walk use when they ask, and that point at no other subject.
    pub ordinary: ByLang<Vec<String>>,
    /// What the bot itself says (`stop_confirmed`, `help`, …), by key.
    pub texts: BTreeMap<String, ByLang<String>>,
    /// What a topic is called in a reply.
    pub topic_names: BTreeMap<TopicId, ByLang<String>>,
}
