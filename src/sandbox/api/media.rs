//! Uploads: taken, described, looked at until ready, served back.

use axum::body::Bytes;
use axum::extract::{Path, State as Context};
use axum::response::Response;

use crate::sandbox::Sandbox;
use crate::sandbox::answer::{json as answer, set, text};
use crate::sandbox::faults::Trouble;
use crate::sandbox::gate::{Me, Troubles};
use crate::sandbox::ids::MediaKey;
use crate::sandbox::params::{Params, Upload};
use crate::sandbox::refused::Refused;
use crate::sandbox::state::{MediaRow, Progress, State};

/// What may be uploaded; also told by the instance documents.
pub(crate) const TYPES: [&str; 12] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/webp",
    "image/avif",
    "video/webm",
    "video/mp4",
    "video/quicktime",
    "audio/mpeg",
    "audio/ogg",
];
/// Largest image and video in bytes.
pub(crate) const IMAGE_BYTES: usize = 16_777_216;
pub(crate) const VIDEO_BYTES: usize = 103_809_024;

pub(crate) async fn upload(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Troubles(troubles): Troubles,
    mut params: Params,
) -> Result<Response, Refused> {
    let blank = || Refused::Invalid("File can't be blank".to_owned());
    let at = params.files.iter().position(|file| file.field == "file").ok_or_else(blank)?;
    let Upload { mime, bytes, .. } = params.files.swap_remove(at);
    let mime = kind_of(&bytes, mime.as_deref());
    let mime = mime.ok_or_else(|| Refused::Invalid("File content type is invalid, File is invalid".to_owned()))?;
    let most = if mime.starts_with("image/") { IMAGE_BYTES } else { VIDEO_BYTES };
    if bytes.len() > most {
        return Err(Refused::Invalid(format!("File file size must be less than {} MB", most / 1_048_576)));
    }
    let progress = troubles.iter().find_map(|trouble| {
        if let Trouble::Processing { looks } = trouble {
            Some(Progress::Looks(*looks))
        } else {
            (*trouble == Trouble::ProcessingFails).then_some(Progress::Failed)
        }
    });
    let now = sandbox.now();
    sandbox.change(|state| {
        let description = described(state, &params)?;
        let key = MediaKey(state.ids.next(now));
        let row = MediaRow {
            key,
            owner: me,
            bytes,
            mime: mime.to_owned(),
            description,
            focus: focus(&params).unwrap_or((0.0, 0.0)),
            progress: progress.unwrap_or(Progress::Ready),
            attached: None,
        };
        let status = if row.progress == Progress::Ready { 200 } else { 202 };
        let entity = state.media_json(&row);
        state.media.insert(key, row);
        Ok(answer(status, &entity))
    })
}

fn described(state: &State, params: &Params) -> Result<Option<String>, Refused> {
    let description = params.text("description").map(str::to_owned);
    let most = state.profile.description_limit;
    if description.as_ref().is_some_and(|text| text.chars().count() > most) {
        return Err(Refused::Invalid(format!("Description is too long (maximum is {most} characters)")));
    }
    Ok(description)
}

fn focus(params: &Params) -> Option<(f64, f64)> {
    let (x, y) = params.text("focus")?.split_once(',')?;
    Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
}

/// What the bytes are, by how they begin; what the client says counts only where they tell nothing.
fn kind_of(bytes: &Bytes, said: Option<&str>) -> Option<&'static str> {
    let at = |from: usize, mark: &[u8]| bytes.get(from..from + mark.len()) == Some(mark);
    let known = [
        (0, b"\x89PNG".as_slice(), "image/png"),
        (0, b"\xff\xd8\xff", "image/jpeg"),
        (0, b"GIF8", "image/gif"),
        (8, b"WEBP", "image/webp"),
        (8, b"avif", "image/avif"),
        (4, b"ftyp", "video/mp4"),
        (0, b"\x1a\x45\xdf\xa3", "video/webm"),
        (0, b"OggS", "audio/ogg"),
        (0, b"ID3", "audio/mpeg"),
    ];
    let found = known.iter().find(|(from, mark, _)| at(*from, mark)).map(|(_, _, kind)| *kind);
    found.or_else(|| TYPES.into_iter().find(|kind| Some(*kind) == said))
}

fn own(state: &mut State, id: &str, me: crate::sandbox::AccountKey) -> Result<MediaKey, Refused> {
    let row = state.key(id).and_then(|key| state.media.get(&key));
    let row = row.filter(|row| row.owner == me && row.attached.is_none()).ok_or(Refused::NotFound)?;
    Ok(row.key)
}

pub(crate) async fn show(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    sandbox.change(|state| {
        let key = own(state, &id, me)?;
        let row = state.media.get_mut(&key).ok_or(Refused::NotFound)?;
        let status = match row.progress {
            Progress::Ready => 200,
            Progress::Looks(0) => {
                row.progress = Progress::Ready;
                200
            }
            Progress::Looks(looks) => {
                row.progress = Progress::Looks(looks - 1);
                206
            }
            Progress::Failed => {
                let text = "There was a problem processing the uploaded file";
                return Err(Refused::Unprocessable(text.to_owned()));
            }
        };
        let row = state.media.get(&key).ok_or(Refused::NotFound)?;
        Ok(answer(status, &state.media_json(row)))
    })
}

pub(crate) async fn update(
    Context(sandbox): Context<Sandbox>,
    Me(me): Me,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Refused> {
    sandbox.change(|state| {
        let key = own(state, &id, me)?;
        let description = described(state, &params)?;
        let row = state.media.get_mut(&key).ok_or(Refused::NotFound)?;
        row.description = description.or(row.description.take());
        row.focus = focus(&params).unwrap_or(row.focus);
        let row = state.media.get(&key).ok_or(Refused::NotFound)?;
        Ok(answer(200, &state.media_json(row)))
    })
}

/// The bytes themselves, for the page and for anybody who has the address.
pub(crate) async fn bytes(Context(sandbox): Context<Sandbox>, Path(id): Path<String>) -> Result<Response, Refused> {
    let found = sandbox.look(|state| {
        let row = state.key(&id).and_then(|key| state.media.get(&key))?;
        Some((row.bytes.clone(), row.mime.clone()))
    });
    let (bytes, mime) = found.ok_or(Refused::NotFound)?;
    let mut response = text(200, &mime, bytes);
    // What was uploaded is shown as what it is, never run.
    set(&mut response, "x-content-type-options", "nosniff");
    set(&mut response, "content-security-policy", "default-src 'none'");
    Ok(response)
}
