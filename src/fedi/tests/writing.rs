//! Publishing, uploading, taking back.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::core::delivery::Outcome;
use crate::core::ids::{MediaId, StatusId};
use crate::core::post::Media;
use crate::fedi::{Advice, Capabilities, UploadError};

#[tokio::test]
async fn a_status_is_sent_as_json_with_its_key() {
    let server = Server::start(|_| {
        let headers = vec![("x-ratelimit-remaining", "298".to_owned())];
        (200, headers, json!({ "id": "77", "url": "https://a.example/77", "visibility": "public" }).to_string())
    })
    .await;
    let outcome = fedi(&server.url).publish(&Capabilities::defaults(), &armed("Ring"), BOOT).await;
    let Outcome::Sent(receipt) = outcome else { panic!("{outcome:?}") };
    assert_eq!((receipt.status.as_str(), receipt.creates_left.map(|creates| creates.left)), ("77", Some(298)));
    assert!(receipt.server_time.is_some());
    let saw = server.saw();
    assert_eq!(server.lines(), ["POST /api/v1/statuses"]);
    assert_eq!(saw[0].json(), json!({ "status": "Ring", "visibility": "public" }));
    assert_eq!(saw[0].header("idempotency-key"), "key-1");
    assert_eq!(saw[0].header("content-type"), "application/json");
    assert_eq!(saw[0].header("authorization"), format!("Bearer {TOKEN}"));
    assert!(saw[0].header("user-agent").starts_with("Watchpost/"));
}

#[tokio::test]
async fn what_must_not_leave_does_not_leave() {
    let server = Server::start(|_| says(200, r#"{"id":"1"}"#)).await;
    let caps = Capabilities::defaults();
    let fedi = fedi(&server.url);
    let stale = fedi.publish(&caps, &armed("Ring"), Duration::from_secs(111)).await;
    assert!(matches!(stale, Outcome::NotSent { .. }), "{stale:?}");
    let strangers = Armed { account: AccountName::new("other"), ..armed("Ring") };
    for armed in [strangers, armed(" \n\u{200b}"), armed(&format!("my token is {TOKEN}"))] {
        let outcome = fedi.publish(&caps, &armed, BOOT).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains(TOKEN));
    }
    assert_eq!(server.lines(), Vec::<String>::new());
    // A placeholder is fine in a demo on this machine, and only there.
    let text = "Sign: https://pledge.example/ring";
    assert!(matches!(fedi.publish(&caps, &armed(text), BOOT).await, Outcome::Sent(_)));
    let far = Fedi::new(&Http::new().unwrap(), link("https://social.example")).unwrap();
    let outcome = far.publish(&caps, &armed(text), BOOT).await;
    assert_eq!(
        outcome,
        Outcome::Refused {
            message: "the text links to pledge.example, which is a placeholder; put the real address there".to_owned()
        }
    );
}

#[tokio::test]
async fn a_post_is_never_redirected() {
    let server = Server::start(|saw| match saw.line.as_str() {
        "POST /api/v1/statuses" => (307, vec![("location", "/elsewhere".to_owned())], String::new()),
        _ => says(200, r#"{"id":"1"}"#),
    })
    .await;
    let outcome = fedi(&server.url).publish(&Capabilities::defaults(), &armed("Ring"), BOOT).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(server.lines(), ["POST /api/v1/statuses"]);
}

fn picture() -> (tempfile::TempDir, Media) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ring.png");
    std::fs::write(&file, b"not really a picture").unwrap();
    (folder, Media::new(file, "A map".to_owned()))
}

#[tokio::test]
async fn a_picture_is_uploaded_with_its_description_and_waited_for() {
    let looks = Arc::new(Mutex::new(0));
    let server = Server::start(move |saw| match saw.line.as_str() {
        "POST /api/v2/media" => says(202, json!({ "id": 5, "url": null })),
        "GET /api/v1/media/5" => {
            let mut looks = looks.lock().unwrap();
            *looks += 1;
            match *looks {
                1 => says(206, json!({ "id": "5" })),
                2 => says(200, "<html><title>Checking your browser</title></html>"),
                _ => says(200, json!({ "id": "5" })),
            }
        }
        _ => says(404, ""),
    })
    .await;
    let (_folder, media) = picture();
    let id = fedi(&server.url).upload_looking_every(&media, Duration::from_millis(1)).await.unwrap();
    assert_eq!(id, MediaId::new("5"));
    assert_eq!(server.lines().len(), 4);
    let form = String::from_utf8_lossy(&server.saw()[0].body).into_owned();
    for part in
        ["name=\"description\"", "A map", "name=\"file\"; filename=\"ring.png\"", "image/png", "not really a picture"]
    {
        assert!(form.contains(part), "{part} in {form}");
    }
}

#[tokio::test]
async fn an_older_server_takes_the_older_upload() {
    let server = Server::start(|saw| match saw.line.as_str() {
        "POST /api/v1/media" => says(200, json!({ "id": "6" })),
        _ => says(404, ""),
    })
    .await;
    let (_folder, media) = picture();
    assert_eq!(fedi(&server.url).upload(&media).await.unwrap(), MediaId::new("6"));
}

#[tokio::test]
async fn a_picture_the_server_cannot_use_needs_a_person() {
    let (_folder, media) = picture();
    for (posted, looked) in [(422, 0), (202, 422)] {
        let server = Server::start(move |saw| match saw.line.as_str() {
            "POST /api/v2/media" if posted == 202 => says(202, json!({ "id": "5" })),
            "POST /api/v2/media" => says(posted, json!({ "error": "Validation failed: File content type is invalid" })),
            _ => says(looked, json!({ "error": "Error processing media" })),
        })
        .await;
        let error = fedi(&server.url).upload(&media).await.unwrap_err();
        assert!(matches!(error, UploadError::Refused { .. }), "{error:?}");
        assert_eq!(error.advice(), Advice::AskPerson);
    }
    let missing = Media::new("no-such-file.png".into(), "x".to_owned());
    let error = fedi("http://127.0.0.1:9").upload(&missing).await.unwrap_err();
    assert!(error.to_string().contains("no-such-file.png cannot be read"), "{error}");
}

#[tokio::test]
async fn only_the_bytes_that_were_approved_go_up() {
    let server = Server::start(|_saw| says(200, json!({ "id": "5" }))).await;
    let (_folder, mut media) = picture();
    media.print = "ecb79a5ed8a1d5e0c5ea42d7fb6b4c1c6d55d5f5b4f35d1cb5fbc4b4eb7ba6e7".to_owned();
    let error = fedi(&server.url).upload(&media).await.unwrap_err();
    assert!(matches!(error, UploadError::Changed { .. }), "{error:?}");
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_status_is_taken_back_once() {
    let server = Server::start(|saw| match saw.line.as_str() {
        "DELETE /api/v1/statuses/5" => says(200, "{}"),
        "DELETE /api/v1/statuses/gone" => says(404, "{}"),
        _ => says(500, ""),
    })
    .await;
    let fedi = fedi(&server.url);
    assert!(fedi.delete(&StatusId::new("5")).await.is_ok());
    assert!(fedi.delete(&StatusId::new("gone")).await.is_ok());
    assert!(fedi.delete(&StatusId::new("..")).await.is_err());
    assert!(fedi.delete(&StatusId::new("6")).await.is_err());
    assert_eq!(server.lines().len(), 3);
}
