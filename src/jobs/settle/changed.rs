//! What a server made of a status that a look found, compared with what was wanted, in words for staff: the same questions
//! that `fedi` asks of the answer to a POST. A look only tells; nothing it finds is taken back, because its id did not come
//! from our own POST.

use crate::core::delivery::Payload;
use crate::core::post::Visibility;
use crate::core::resemblance::{Likeness, likeness};
use crate::fedi::{Capabilities, LOST_THREAD, OTHER_WORDS, SHOWN_TO_OTHERS, StatusView};

/// Empty is well. What the server cannot keep is no news.
pub(super) fn changed(wanted: &Payload, seen: &StatusView, caps: &Capabilities) -> Vec<String> {
    let mut changed = Vec::new();
    if let Some(made) = seen.visibility.filter(|made| *made != wanted.visibility) {
        changed.push(format!("visibility is {}, not {}", made.as_str(), wanted.visibility.as_str()));
        if wanted.visibility == Visibility::Direct {
            changed.push(SHOWN_TO_OTHERS.to_owned());
        }
    }
    if wanted.cw.is_some() && seen.cw.is_none() && caps.keeps_cw {
        changed.push("the content warning is gone".to_owned());
    }
    if wanted.in_reply_to.is_some() && seen.in_reply_to.is_none() {
        changed.push(LOST_THREAD.to_owned());
    }
    if seen.text.trim().is_empty() {
        changed.push("the server shows no text".to_owned());
    } else if wanted.cw.is_none()
        && wanted.visibility != Visibility::Direct
        && likeness(&wanted.text, &seen.text) == Likeness::Other
    {
        // A warning may stand among the words; of a private answer the ledger may hold a part only.
        changed.push(OTHER_WORDS.to_owned());
    }
    changed
}
