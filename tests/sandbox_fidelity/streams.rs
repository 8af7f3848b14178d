//! Streams, by WebSocket and as server-sent events.

use megalodon::streaming::Message;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use watchpost::sandbox::{Endpoint, Fault, StreamEnd, Trouble};

use crate::rig::{Rig, SOON, header};

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_comes_down_the_stream() {
    let rig = Rig::start().await;
    let (to, mut heard) = mpsc::unbounded_channel();
    let stream = rig.client(&rig.eyes).user_streaming().await;
    let listening = tokio::spawn(async move {
        stream
            .listen(Box::new(move |message| {
                let to = to.clone();
                Box::pin(async move { drop(to.send(message)) })
            }))
            .await;
    });
    rig.hand.wait_until(|state| state.streams("eyes") == 1, SOON).await.unwrap();
    let id = rig.hand.mention("ada", "@eyes hello").unwrap();
    rig.hand.delete(&id).unwrap();
    let mut next = async || tokio::time::timeout(SOON, heard.recv()).await.unwrap().unwrap();
    let Message::Notification(mention) = next().await else { panic!("a notification was expected") };
    assert_eq!(mention.status.unwrap().id, id.as_str());
    let Message::Delete(gone) = next().await else { panic!("a deletion was expected") };
    assert_eq!(gone, id.as_str());
    listening.abort();
    rig.hand.wait_until(|state| state.streams("eyes") == 0, SOON).await.unwrap();
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_break_in_every_way_and_some_events_are_only_listed() {
    let rig = Rig::start().await;
    let url = format!("ws://{}/api/v1/streaming?stream=user:notification", rig.running.address());
    let connect = async || {
        use tokio_tungstenite::tungstenite::client::IntoClientRequest;
        let mut request = url.as_str().into_client_request().unwrap();
        let token = format!("Bearer {}", rig.eyes.token);
        request.headers_mut().insert("authorization", token.parse().unwrap());
        tokio_tungstenite::connect_async(request).await
    };
    let read = async |stream: &mut tokio_tungstenite::WebSocketStream<_>| {
        use futures_util::StreamExt;
        tokio::time::timeout(SOON, stream.next()).await.unwrap()
    };
    rig.hand.fault(Fault::on(Endpoint::Stream, Trouble::answer(404, "")));
    assert!(connect().await.is_err());

    let (mut stream, _) = connect().await.unwrap();
    rig.hand.wait_until(|state| state.streams("eyes") == 1, SOON).await.unwrap();
    rig.hand.fault(Fault::on(Endpoint::Push, Trouble::NotPushed));
    rig.hand.mention("ada", "@eyes swallowed").unwrap();
    rig.hand.mention("ada", "@eyes heard").unwrap();
    let frame = read(&mut stream).await.unwrap().unwrap().into_text().unwrap();
    let frame: Value = serde_json::from_str(&frame).unwrap();
    assert_eq!((&frame["stream"], &frame["event"]), (&json!(["user:notification"]), &json!("notification")));
    let payload: Value = serde_json::from_str(frame["payload"].as_str().unwrap()).unwrap();
    assert!(payload["status"]["content"].as_str().unwrap().contains("heard"));
    assert_eq!(rig.client(&rig.eyes).get_notifications(None).await.unwrap().json.len(), 2);

    rig.hand.end_streams(Some("eyes"), StreamEnd::Close);
    assert!(read(&mut stream).await.unwrap().unwrap().is_close());
    let (mut stream, _) = connect().await.unwrap();
    rig.hand.wait_until(|state| state.streams("eyes") == 1, SOON).await.unwrap();
    rig.hand.end_streams(None, StreamEnd::Cut);
    assert!(read(&mut stream).await.is_none_or(|message| message.is_err()));
    rig.hand.fault(Fault::on(Endpoint::Stream, Trouble::SilentStream));
    let (stream, _) = connect().await.unwrap();
    assert_eq!(rig.hand.look(|state| state.streams("eyes")), 0);
    rig.stop().await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_server_sent_events_too() {
    let rig = Rig::start().await;
    let mut stream = rig.get("/api/v1/streaming/user/notification").await;
    assert_eq!((stream.status().as_u16(), header(&stream, "content-type")), (200, "text/event-stream"));
    rig.hand.mention("ada", "@eyes hello").unwrap();
    let mut heard = String::new();
    while !heard.contains("\n\n") {
        let chunk = tokio::time::timeout(SOON, stream.chunk()).await.unwrap().unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let (event, data) = heard.trim_start_matches(":thump\n").trim_end().split_once("\ndata: ").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        (event, &data["type"], &data["account"]["acct"]),
        ("event: notification", &json!("mention"), &json!("ada"))
    );
    drop(stream);
    // The next ping, or the next event, finds the reader gone.
    rig.hand.mention("ada", "@eyes still there?").unwrap();
    rig.hand.wait_until(|state| state.streams("eyes") == 0, SOON).await.unwrap();
    rig.stop().await;
}
