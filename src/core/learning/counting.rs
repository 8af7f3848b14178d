//! The first opinion: how often a thing stands in texts of one sort, against how often in all others.
//!
//! A naive Bayes classifier whose weights are ratios against everything else, counted with texts of one length (Rennie
//! et al., “Tackling the Poor Assumptions of Naive Bayes Text Classifiers”, 2003). Sound from few examples on.

use super::{Lessons, Opinion, share};

/// Added to every count, so that what was never seen with something does not rule it out. Small: what one example says
/// alone still counts.
const SMOOTHING: f32 = 0.02;

/// A weight for each thing counted. `said`: by example, how much it speaks for the sort in question (0 to 1), or `None`
/// where it says nothing about it.
pub(super) fn opinion(lessons: &Lessons, said: &[Option<f32>]) -> Opinion {
    let mut counts = vec![(SMOOTHING, SMOOTHING); lessons.rows.len()];
    for (text, said) in lessons.texts().zip(said) {
        let Some(part) = said else { continue };
        let share = share(text.len());
        for row in text {
            if let Some(count) = usize::try_from(*row).ok().and_then(|row| counts.get_mut(row)) {
                count.0 += share * part;
                count.1 += share * (1.0 - part);
            }
        }
    }
    let total = counts.iter().fold((0.0_f32, 0.0_f32), |total, count| (total.0 + count.0, total.1 + count.1));
    let weights = counts.iter().map(|count| ((count.0 / total.0) / (count.1 / total.1)).ln()).collect();
    Opinion { weights, always: 0.0 }
}
