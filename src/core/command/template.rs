//! How one line of `config/commands.toml` stands for many phrases.
//!
//! `{writing}` is any phrase of the group of that name, `{a|b c}` either of these, `(so)` may be left out, `(a|b)` is
//! either or nothing, `..` is up to three words, `*` any number of words. Brackets may stand within brackets, and groups
//! may name other groups. It knows no language and no command.

use std::collections::BTreeMap;

use super::phrases::full_words;

/// Groups of phrases by name.
pub type Groups = BTreeMap<String, Vec<String>>;

/// Groups within groups within groups are a circle.
const DEEPEST: usize = 4;

/// One step of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This folded word.
    Word(String),
    /// Up to three words.
    Few,
    /// Any number of words.
    Any,
    /// One of these.
    Either(Vec<Vec<Step>>),
    /// One of these, or nothing.
    Maybe(Vec<Vec<Step>>),
}

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// There is no group of this name.
    NoGroup(String),
    /// A bracket is not closed, or closed without having been opened.
    Bracket(char),
    /// Groups that name each other in a circle.
    Circle,
    /// It is no phrase at all: it has no word that must be said.
    Empty,
}

/// Whether a line can be read.
///
/// # Errors
/// What is wrong with it.
pub fn check(line: &str, groups: &Groups) -> Result<(), Unclear> {
    parse(line, groups).map(|_| ())
}

/// A line as steps.
pub(super) fn parse(line: &str, groups: &Groups) -> Result<Vec<Step>, Unclear> {
    let mut reader = Reader { rest: line, groups, depth: 0 };
    let mut options = reader.options()?;
    match (reader.rest.chars().next(), options.pop()) {
        (Some(bracket), _) => Err(Unclear::Bracket(bracket)),
        (None, Some(steps)) if options.is_empty() && needs_a_word(&steps) => Ok(steps),
        (None, _) => Err(Unclear::Empty),
    }
}

fn needs_a_word(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Word(_) => true,
        Step::Few | Step::Any | Step::Maybe(_) => false,
        Step::Either(options) => options.iter().all(|option| needs_a_word(option)),
    })
}

struct Reader<'l> {
    rest: &'l str,
    groups: &'l Groups,
    depth: usize,
}

impl<'l> Reader<'l> {
    /// What stands between bars, up to the end or a closing bracket.
    fn options(&mut self) -> Result<Vec<Vec<Step>>, Unclear> {
        let mut options = Vec::new();
        let mut steps = Vec::new();
        loop {
            let plain = self.take_plain();
            steps.extend(words(plain));
            let Some(sign) = self.rest.chars().next().filter(|sign| !matches!(sign, '}' | ')')) else {
                options.push(steps);
                return Ok(options);
            };
            self.rest = self.rest.get(1..).unwrap_or_default();
            match sign {
                '|' => options.push(std::mem::take(&mut steps)),
                '(' => steps.push(Step::Maybe(self.inside('(', ')')?)),
                _ => steps.push(Step::Either(self.choice()?)),
            }
        }
    }

    fn inside(&mut self, opened: char, closing: char) -> Result<Vec<Vec<Step>>, Unclear> {
        let options = self.options()?;
        self.rest = self.rest.strip_prefix(closing).ok_or(Unclear::Bracket(opened))?;
        Ok(options)
    }

    /// Behind `{`: the name of a group, or options.
    fn choice(&mut self) -> Result<Vec<Vec<Step>>, Unclear> {
        let before = self.rest;
        if !self.take_plain().is_empty()
            && let Some(behind) = self.rest.strip_prefix('}')
        {
            let name = before.get(..before.len() - self.rest.len()).unwrap_or_default().trim();
            self.rest = behind;
            return self.group(name);
        }
        self.rest = before;
        self.inside('{', '}')
    }

    fn group(&mut self, name: &str) -> Result<Vec<Vec<Step>>, Unclear> {
        let lines = self.groups.get(name).ok_or_else(|| Unclear::NoGroup(name.to_owned()))?;
        if self.depth >= DEEPEST {
            return Err(Unclear::Circle);
        }
        let mut options = Vec::new();
        for line in lines {
            let mut within = Reader { rest: line, groups: self.groups, depth: self.depth + 1 };
            options.extend(within.options()?);
            if let Some(bracket) = within.rest.chars().next() {
                return Err(Unclear::Bracket(bracket));
            }
        }
        Ok(options)
    }

    fn take_plain(&mut self) -> &'l str {
        let until = self.rest.find(['{', '(', '}', ')', '|']).unwrap_or(self.rest.len());
        let (plain, rest) = self.rest.split_at_checked(until).unwrap_or((self.rest, ""));
        self.rest = rest;
        plain
    }
}

fn words(text: &str) -> Vec<Step> {
    let steps = text.split_whitespace().flat_map(|part| match part {
        "*" => vec![Step::Any],
        ".." => vec![Step::Few],
        _ => full_words(part).into_iter().map(Step::Word).collect(),
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Groups {
        Groups::from([
            ("write".to_owned(), vec!["tag".to_owned(), "reply to".to_owned()]),
            ("round".to_owned(), vec!["{round}".to_owned()]),
        ])
    }

    #[test]
    fn a_line_is_read_as_steps() {
        let word = |text: &str| Step::Word(text.to_owned());
        let write = Step::Either(vec![vec![word("tag")], vec![word("reply"), word("to")]]);
        let cases = [
            (
                "don't (ever) {write} me *",
                vec![word("dont"), Step::Maybe(vec![vec![word("ever")]]), write.clone(), word("me"), Step::Any],
            ),
            ("{stop|cut} it", vec![Step::Either(vec![vec![word("stop")], vec![word("cut")]]), word("it")]),
            ("no .. facts", vec![word("no"), Step::Few, word("facts")]),
            (
                "stop (it ({write}|now))",
                vec![
                    word("stop"),
                    Step::Maybe(vec![vec![word("it"), Step::Maybe(vec![vec![write], vec![word("now")]])]]),
                ],
            ),
        ];
        for (line, steps) in cases {
            assert_eq!(parse(line, &groups()), Ok(steps), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let cases = [
            ("{wrote} me", Unclear::NoGroup("wrote".to_owned())),
            ("(so stop", Unclear::Bracket('(')),
            ("so) stop", Unclear::Bracket(')')),
            ("{a|b", Unclear::Bracket('{')),
            ("{round}", Unclear::Circle),
            ("", Unclear::Empty),
            ("* (please)", Unclear::Empty),
        ];
        for (line, why) in cases {
            assert_eq!(parse(line, &groups()), Err(why), "{line}");
        }
    }
}
