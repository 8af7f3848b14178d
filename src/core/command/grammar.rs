//! All lines of all commands as one net of states, walked along a clause.
//!
//! A clause is found only as a whole. Where several lines fit, stop goes before start before the others. The walk is linear
//! in the clause, whatever stars and brackets the lines have.

use super::template::Step;
use super::{Command, rank};
use crate::core::fast_map::FastMap;
use crate::core::ids::Lang;

/// How far two dots reach, in words.
const FEW: usize = 3;

/// Whether a phrase can be a shout at somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// Nobody says it but to us.
    Us,
    /// Said to us, unless somebody else is called by name in the same sentence (`stop, Amazon!`).
    Call,
    /// Also a cry about something else (`enough! Amazon must …`).
    Outcry,
    /// Somebody tells of an earlier stop (`I told you to stop`): said again, unless they now say start.
    Told,
}

/// What a clause means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) command: Command,
    pub(super) address: Address,
    /// The languages whose lines fit.
    pub(super) langs: Vec<Lang>,
}

/// A word of a clause as [`Grammar::word`] knows it; `None` for words that no line has.
pub(super) type WordId = Option<u32>;

#[derive(Clone, Debug, Default)]
struct State {
    /// Word and next state, sorted once the net is whole.
    edges: Vec<(u32, usize)>,
    /// States that are reached without a word.
    skips: Vec<usize>,
    /// Any word leads here.
    any: Option<usize>,
    meaning: Option<(Command, Address, Lang)>,
}

/// States that a walk has come to, each once.
struct Here {
    list: Vec<usize>,
    /// One bit for each state.
    seen: Vec<u64>,
}

impl Here {
    fn among(states: usize) -> Self {
        Self { list: Vec::new(), seen: vec![0; states.div_ceil(64)] }
    }

    fn add(&mut self, state: usize) {
        let bit = 1_u64 << (state % 64);
        if let Some(bits) = self.seen.get_mut(state / 64).filter(|bits| **bits & bit == 0) {
            *bits |= bit;
            self.list.push(state);
        }
    }

    fn clear(&mut self) {
        for state in self.list.drain(..) {
            if let Some(bits) = self.seen.get_mut(state / 64) {
                *bits = 0;
            }
        }
    }
}

/// The net.
#[derive(Clone, Debug)]
pub(super) struct Grammar {
    states: Vec<State>,
    /// By state: itself and all that is reached from it without a word.
    reached: Vec<Vec<usize>>,
    /// First words and the states behind them: nearly every clause ends here.
    first: FastMap<u32, Vec<usize>>,
    /// The starting states that any word leads on from.
    open: Vec<usize>,
    words: FastMap<String, u32>,
}

impl Default for Grammar {
    fn default() -> Self {
        let (first, words) = (FastMap::default(), FastMap::default());
        Self { states: vec![State::default()], reached: Vec::new(), first, open: Vec::new(), words }
    }
}

impl Grammar {
    /// Takes in one line.
    pub(super) fn take(&mut self, line: &[Step], command: Command, address: Address, lang: &Lang) {
        let end = self.sequence(0, line);
        // An end of its own: lines share states where they begin, not where they end.
        let own = self.state();
        self.skip(end, own);
        if let Some(state) = self.states.get_mut(own) {
            state.meaning = Some((command, address, lang.clone()));
        }
    }

    fn state(&mut self) -> usize {
        self.states.push(State::default());
        self.states.len() - 1
    }

    fn skip(&mut self, from: usize, to: usize) {
        if let Some(state) = self.states.get_mut(from) {
            state.skips.push(to);
        }
    }

    fn sequence(&mut self, from: usize, steps: &[Step]) -> usize {
        steps.iter().fold(from, |at, step| self.step(at, step))
    }

    fn step(&mut self, from: usize, step: &Step) -> usize {
        let to = self.state();
        match step {
            Step::Word(word) => {
                let fresh = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
                let word = *self.words.entry(word.clone()).or_insert(fresh);
                if let Some(state) = self.states.get_mut(from) {
                    state.edges.push((word, to));
                }
            }
            Step::Any => {
                self.skip(from, to);
                if let Some(state) = self.states.get_mut(to) {
                    state.any = Some(to);
                }
            }
            Step::Few => {
                let mut at = self.state();
                self.skip(from, at);
                for _ in 0..FEW {
                    self.skip(at, to);
                    let next = self.state();
                    if let Some(state) = self.states.get_mut(at) {
                        state.any = Some(next);
                    }
                    at = next;
                }
                self.skip(at, to);
            }
            Step::Either(options) => self.options(from, options, to),
            Step::Maybe(options) => {
                self.skip(from, to);
                self.options(from, options, to);
            }
        }
        to
    }

    fn options(&mut self, from: usize, options: &[Vec<Step>], to: usize) {
        for option in options {
            let end = self.sequence(from, option);
            self.skip(end, to);
        }
    }

    /// Makes the net ready for reading, once every line is taken in.
    pub(super) fn finish(&mut self) {
        for state in &mut self.states {
            state.edges.sort_unstable();
        }
        self.reached = (0..self.states.len()).map(|state| self.closure(state)).collect();
        // A state that only leads on without a word is never looked at again.
        let says = |state: &usize| {
            let state = self.states.get(*state);
            state.is_some_and(|state| !state.edges.is_empty() || state.any.is_some() || state.meaning.is_some())
        };
        for reached in &mut self.reached {
            reached.retain(says);
            reached.shrink_to_fit();
        }
        for start in self.reached.first().cloned().unwrap_or_default() {
            let Some(state) = self.states.get(start) else { continue };
            for (word, to) in &state.edges {
                self.first.entry(*word).or_default().push(*to);
            }
            if state.any.is_some() {
                self.open.push(start);
            }
        }
    }

    fn closure(&self, from: usize) -> Vec<usize> {
        let mut reached = vec![from];
        let mut at = 0;
        while let Some(state) = reached.get(at).and_then(|state| self.states.get(*state)) {
            for skip in &state.skips {
                if !reached.contains(skip) {
                    reached.push(*skip);
                }
            }
            at += 1;
        }
        reached
    }

    /// A folded word as the net knows it.
    pub(super) fn word(&self, word: &str) -> WordId {
        self.words.get(word).copied()
    }

    /// The net's own copy of a folded word.
    pub(super) fn known(&self, word: &str) -> Option<&str> {
        self.words.get_key_value(word).map(|(known, _)| known.as_str())
    }

    /// Every word that some line has.
    pub(super) fn vocabulary(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    /// What the whole clause means.
    pub(super) fn read(&self, clause: &[WordId]) -> Option<Meaning> {
        let (first, rest) = clause.split_first()?;
        let behind = first.and_then(|word| self.first.get(&word));
        if behind.is_none() && self.open.is_empty() {
            return None;
        }
        let mut here = Here::among(self.states.len());
        for to in behind.into_iter().flatten() {
            self.arrive(*to, &mut here);
        }
        for open in &self.open {
            if let Some(to) = self.states.get(*open).and_then(|state| state.any) {
                self.arrive(to, &mut here);
            }
        }
        let mut next = Here::among(self.states.len());
        for word in rest {
            if here.list.is_empty() {
                return None;
            }
            for state in here.list.iter().filter_map(|state| self.states.get(*state)) {
                if let Some(word) = word {
                    let from = state.edges.partition_point(|(known, _)| known < word);
                    let fitting = state.edges.iter().skip(from).take_while(|(known, _)| known == word);
                    for (_, to) in fitting {
                        self.arrive(*to, &mut next);
                    }
                }
                if let Some(to) = state.any {
                    self.arrive(to, &mut next);
                }
            }
            std::mem::swap(&mut here, &mut next);
            next.clear();
        }
        self.meaning(&here.list)
    }

    fn arrive(&self, at: usize, here: &mut Here) {
        for state in self.reached.get(at).into_iter().flatten() {
            here.add(*state);
        }
    }

    fn meaning(&self, ends: &[usize]) -> Option<Meaning> {
        let said = || ends.iter().filter_map(|end| self.states.get(*end)?.meaning.as_ref());
        let (command, _, _) = said().min_by_key(|(command, _, _)| rank(*command))?;
        let mut meaning = Meaning { command: *command, address: Address::Us, langs: Vec::new() };
        for (_, address, lang) in said().filter(|(other, _, _)| other == command) {
            meaning.address = meaning.address.max(*address);
            if !meaning.langs.contains(lang) {
                meaning.langs.push(lang.clone());
            }
        }
        Some(meaning)
    }
}
