//! Attachments: a file goes up, its id comes back once the server has finished with it.
//!
//! `POST /api/v2/media` answers 200 when ready and 202 while processing; then `GET /api/v1/media/:id` says 206 until it
//! says 200, or 422 when processing failed. Uploading again after a failure is safe: an unattached file is only dropped
//! by the server after a while. It does not know which status the file is for.

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::multipart::{Form, Part};
use sha2::{Digest, Sha256};

use crate::core::ids::MediaId;
use crate::core::post::Media;
use crate::fedi::errors::{FediError, UploadError};
use crate::fedi::{Fedi, http, json};

/// How long the server may process a file.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks at a file being processed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Mastodon takes videos of 99 MB; a larger file is a mistake.
const LARGEST: u64 = 200 << 20;

impl Fedi {
    /// Uploads one file with its description.
    ///
    /// # Errors
    /// Says whether to try again, or that a person must choose another file: see [`UploadError::advice`].
    pub async fn upload(&self, media: &Media) -> Result<MediaId, UploadError> {
        self.upload_looking_every(media, LOOK_EVERY).await
    }

    pub(super) async fn upload_looking_every(
        &self,
        media: &Media,
        look_every: Duration,
    ) -> Result<MediaId, UploadError> {
        let file = || media.file.clone();
        let unreadable = |source| UploadError::File { file: file(), source };
        let size = tokio::fs::metadata(&media.file).await.map_err(unreadable)?.len();
        if size > LARGEST {
            return Err(UploadError::TooBig { file: file(), megabytes: size >> 20, limit: LARGEST >> 20 });
        }
        let mut answer = self.post_file("/api/v2/media", media, bytes_of(media).await?).await?;
        if matches!(answer.status, 404 | 405 | 501) {
            // Servers older than v2 process while we wait.
            answer = self.post_file("/api/v1/media", media, bytes_of(media).await?).await?;
        }
        let processing = answer.status == 202;
        let answer = self.accept(answer).map_err(|error| refusal(error, media))?;
        let id = json::parse(&answer.body)
            .and_then(|value| json::id(&value, "id"))
            .ok_or_else(|| self.unreadable("no attachment with an id"))?;
        if processing {
            self.until_ready(&id, media, look_every).await?;
        }
        Ok(MediaId::new(id))
    }

    async fn post_file(&self, path: &str, media: &Media, bytes: Vec<u8>) -> Result<http::Answer, FediError> {
        let name = media.file.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned());
        let kind = mime_guess::from_path(&media.file).first_or_octet_stream();
        let mut part = Part::bytes(bytes).file_name(name);
        // A type from the table always parses; without one the server looks into the file.
        part = match Part::mime_str(part, kind.essence_str()) {
            Ok(typed) => typed,
            Err(_unknown_type) => return Err(self.unreadable("the file's type")),
        };
        let form = Form::new().text("description", media.alt.clone()).part("file", part);
        let request =
            self.http.client().post(self.at(path)).header(AUTHORIZATION, self.authorization.clone()).multipart(form);
        http::send(request).await.map_err(|failure| failure.into_error(&self.base))
    }

    async fn until_ready(&self, id: &str, media: &Media, look_every: Duration) -> Result<(), UploadError> {
        let not_ready = |_elapsed| UploadError::NotReady { file: media.file.clone() };
        tokio::time::timeout(DEADLINE, async {
            loop {
                match self.get(self.at_segments(&["api", "v1", "media", id])).await {
                    Ok(answer) if answer.status == 206 => {}
                    Ok(answer) if json::parse(&answer.body).is_some_and(|media| json::id(&media, "id").is_some()) => {
                        return Ok(());
                    }
                    // A page of whatever stands before the server says nothing about the file.
                    Ok(_other) => {}
                    // Takahē has no such look-up. The id is all there is to know then; a status with a file that is
                    // not ready is refused, not half made.
                    Err(FediError::Missing { .. } | FediError::Refused { status: 405, .. }) => return Ok(()),
                    Err(FediError::Unreachable { .. } | FediError::TimedOut { .. } | FediError::Broken { .. }) => {}
                    Err(error) => return Err(refusal(error, media)),
                }
                tokio::time::sleep(look_every).await;
            }
        })
        .await
        .map_err(not_ready)?
    }
}

/// The very bytes that go up: those that were approved, where somebody approved them.
async fn bytes_of(media: &Media) -> Result<Vec<u8>, UploadError> {
    let file = || media.file.clone();
    let bytes = tokio::fs::read(&media.file).await.map_err(|source| UploadError::File { file: file(), source })?;
    if media.print.is_empty() || hex::encode(Sha256::digest(&bytes)) == media.print {
        Ok(bytes)
    } else {
        Err(UploadError::Changed { file: file() })
    }
}

fn refusal(error: FediError, media: &Media) -> UploadError {
    if let FediError::Refused { status, words, .. } = error {
        let words = if words.is_empty() { format!("status {status}") } else { words };
        return UploadError::Refused { file: media.file.clone(), words };
    }
    UploadError::Request(error)
}
