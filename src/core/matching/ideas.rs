//! What a question is about when it names nothing: "can the officers have what the thing at my door films?".
//!
//! Staff give words that stand for one another a name (`[ideas]`: officers, doorcam, films) and say for each fact which
//! ideas together ask for it (`asked = ["doorcam films officers"]`). A line fits where each of its ideas stands in the
//! text, on words of its own, near the others. Whether the person asks at all is judged in [`super::weighing`]. The words
//! here are apart from the keywords': an idea may hold the most common words without changing what a keyword matches.

use std::collections::BTreeMap;
use std::ops::Range;

use super::lexicon::stem;
use super::patterns::Sayable;
use crate::core::fact::FactBook;
use crate::core::fast_map::FastMap;
use crate::core::text::{Words, phrase};

/// The idea whose words ask wherever they stand (`i wonder`, `no duermo pensando`).
const ASKING: &str = "asking";

/// So many words lie at most between the first and the last word of a line that fits.
const NEAR: usize = 45;

/// More places of one idea are not tried, so that time stays bounded.
const MOST_PLACES: usize = 8;

/// A line of `asked` that cannot be read: the name in it that is no idea.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoIdea(pub String);

/// Whether all names of a line are ideas.
///
/// # Errors
/// The first that is none; an empty one when no idea is wanted at all.
pub fn check(line: &str, ideas: &BTreeMap<String, Vec<String>>) -> Result<(), NoIdea> {
    let names: Vec<String> = ideas.keys().cloned().collect();
    parse(line, &names).map(|_| ())
}

/// What a line wants: each step one of some ideas; and which ideas must not stand there.
#[derive(Clone, Debug, Default, PartialEq)]
struct Line {
    wanted: Vec<Vec<usize>>,
    unwanted: Vec<usize>,
}

fn parse(line: &str, names: &[String]) -> Result<Line, NoIdea> {
    let index = |name: &str| names.iter().position(|known| known == name).ok_or_else(|| NoIdea(name.to_owned()));
    let mut parsed = Line::default();
    for word in line.split_whitespace() {
        match word.strip_prefix('!') {
            Some(name) => parsed.unwanted.push(index(name)?),
            None => parsed.wanted.push(word.split('|').map(index).collect::<Result<_, _>>()?),
        }
    }
    if parsed.wanted.is_empty() { Err(NoIdea(String::new())) } else { Ok(parsed) }
}

/// All ideas of a campaign and the lines that put them together.
#[derive(Clone, Debug, Default)]
pub(super) struct Ideas {
    /// The stem of a single word → the ideas it stands for.
    words: FastMap<String, Vec<usize>>,
    /// The first stem of a phrase → its other stems, and the idea.
    phrases: FastMap<String, Vec<(Vec<String>, usize)>>,
    lines: Vec<(usize, Line)>,
    asking: Option<usize>,
    count: usize,
}

/// A fact that ideas ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Index into [`super::patterns::Patterns::facts`].
    pub(super) fact: usize,
    /// How many ideas stood together.
    pub(super) ideas: usize,
    /// How many letters their words have.
    pub(super) letters: usize,
    /// The words, as they were read.
    pub(super) words: Vec<String>,
    /// Where they stand.
    pub(super) at: Vec<usize>,
}

/// The places of each idea in a text, by index.
type Places = Vec<Vec<Range<usize>>>;

impl Ideas {
    /// Prepares them; a line with an unknown name asks for nothing (`watchpost check` tells of it).
    pub(super) fn new(book: &FactBook, facts: &[Sayable]) -> Self {
        let names: Vec<String> = book.ideas.keys().cloned().collect();
        let mut ideas =
            Self { asking: names.iter().position(|name| name == ASKING), count: names.len(), ..Self::default() };
        for (index, written) in
            book.ideas.values().enumerate().flat_map(|(index, list)| list.iter().map(move |text| (index, text)))
        {
            let mut stems = phrase(written).split(' ').map(stem).collect::<Vec<_>>().into_iter();
            let Some(first) = stems.next().filter(|first| !first.is_empty()) else { continue };
            let rest: Vec<String> = stems.collect();
            if rest.is_empty() {
                let known = ideas.words.entry(first).or_default();
                if !known.contains(&index) {
                    known.push(index);
                }
            } else {
                ideas.phrases.entry(first).or_default().push((rest, index));
            }
        }
        for fact in &book.facts {
            let Some(at) = facts.iter().position(|sayable| sayable.id == fact.id) else { continue };
            ideas.lines.extend(fact.asked.iter().filter_map(|line| Some((at, parse(line, &names).ok()?))));
        }
        ideas
    }

    /// Whether the campaign has any line.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The facts whose lines fit, and the words that ask wherever they stand. `denied` words are not looked at.
    pub(super) fn read(&self, words: &Words, denied: &[Range<usize>]) -> (Vec<Asked>, Vec<Range<usize>>) {
        let stems: Vec<String> = words.list().iter().map(|word| stem(words.base(word))).collect();
        let mut places: Places = vec![Vec::new(); self.count];
        let mut see = |idea: usize, at: Range<usize>| {
            let is_denied = denied.iter().any(|range| range.start < at.end && at.start < range.end);
            if let Some(known) = places.get_mut(idea).filter(|known| known.len() < MOST_PLACES && !is_denied) {
                known.push(at);
            }
        };
        for (at, stemmed) in stems.iter().enumerate() {
            for idea in self.words.get(stemmed).into_iter().flatten() {
                see(*idea, at..at + 1);
            }
            for (rest, idea) in self.phrases.get(stemmed).into_iter().flatten() {
                if stems.get(at + 1..at + 1 + rest.len()).is_some_and(|said| said == rest) {
                    see(*idea, at..at + 1 + rest.len());
                }
            }
        }
        for (at, word) in words.list().iter().enumerate().filter(|(_, word)| word.is_tag()) {
            for idea in words.parts(word).filter_map(|part| self.words.get(&stem(part))).flatten() {
                see(*idea, at..at + 1);
            }
        }
        let asking = self.asking.and_then(|idea| places.get(idea)).cloned().unwrap_or_default();
        let fits = self.lines.iter().filter_map(|(fact, line)| {
            let taken = fit(line, &places)?;
            let at: Vec<usize> = taken.iter().flat_map(Clone::clone).collect();
            let said = at.iter().filter_map(|at| words.list().get(*at));
            let said: Vec<String> = said.map(|word| words.text(word).to_owned()).collect();
            let letters = said.iter().map(String::len).sum();
            Some(Asked { fact: *fact, ideas: taken.len(), letters, words: said, at })
        });
        (fits.collect(), asking)
    }
}

/// Words of their own for each idea of the line, near each other.
fn fit(line: &Line, places: &Places) -> Option<Vec<Range<usize>>> {
    let of = |idea: &usize| places.get(*idea).map(Vec::as_slice).unwrap_or_default();
    if line.unwanted.iter().any(|idea| !of(idea).is_empty()) {
        return None;
    }
    let mut steps: Vec<Vec<&Range<usize>>> = Vec::with_capacity(line.wanted.len());
    for ideas in &line.wanted {
        let step: Vec<&Range<usize>> = ideas.iter().flat_map(of).collect();
        if step.is_empty() {
            return None;
        }
        steps.push(step);
    }
    let mut taken: Vec<Range<usize>> = Vec::with_capacity(steps.len());
    take(&steps, &mut taken).then_some(taken)
}

fn take(steps: &[Vec<&Range<usize>>], taken: &mut Vec<Range<usize>>) -> bool {
    let Some((first, rest)) = steps.split_first() else { return true };
    for place in first {
        let apart = taken.iter().all(|other| other.end <= place.start || place.end <= other.start);
        let near = taken.iter().all(|other| other.start.abs_diff(place.start) <= NEAR);
        if apart && near {
            taken.push((*place).clone());
            if take(rest, taken) {
                return true;
            }
            taken.pop();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["camera", "officers", "who"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_line_names_ideas_that_are_there_or_not() {
        let line = parse("camera|who officers !who", &names());
        assert_eq!(line, Ok(Line { wanted: vec![vec![0, 2], vec![1]], unwanted: vec![2] }));
        assert_eq!(parse("camera ofisers", &names()), Err(NoIdea("ofisers".to_owned())));
        assert_eq!(parse(" ", &names()), Err(NoIdea(String::new())));
    }

    #[test]
    fn each_idea_needs_words_of_its_own_and_none_may_be_far_away() {
        let line = parse("camera officers", &names()).unwrap_or_default();
        let check = |camera: &[(usize, usize)], officers: &[(usize, usize)], fits: bool| {
            let ranges = |pairs: &[(usize, usize)]| pairs.iter().map(|(from, until)| *from..*until).collect();
            let places: Places = vec![ranges(camera), ranges(officers), Vec::new()];
            assert_eq!(fit(&line, &places).is_some(), fits, "{places:?}");
        };
        check(&[(3, 4)], &[(5, 6)], true);
        check(&[(3, 5)], &[(4, 5)], false);
        check(&[(3, 5), (7, 8)], &[(4, 5)], true);
        check(&[(3, 4)], &[(90, 91)], false);
        check(&[(3, 4)], &[], false);
    }
}
