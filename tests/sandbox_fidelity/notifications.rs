//! Notifications: pages, filters, strangers among them.

use megalodon::entities::notification::NotificationType;
use megalodon::megalodon::GetNotificationsInputOptions;
use watchpost::core::post::Visibility;
use watchpost::sandbox::{Draft, Endpoint, Fault, Trouble};

use crate::rig::{Rig, header, json_of, status};

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_paged_as_their_cursors_say() {
    let rig = Rig::start().await;
    let client = rig.client(&rig.eyes);
    for number in 1..=5 {
        rig.hand.mention("ada", &format!("@eyes question {number}")).unwrap();
    }
    let post = status(client.post_status("first".into(), None).await.unwrap().json);
    rig.hand.favourite("ada", &post.id).unwrap();
    let page = async |options: GetNotificationsInputOptions| {
        client.get_notifications(Some(&options)).await.unwrap().json.into_iter().map(|n| n.id).collect::<Vec<_>>()
    };
    let all = page(GetNotificationsInputOptions::default()).await;
    assert_eq!(all.len(), 6);
    assert!(all.is_sorted_by(|newer, older| newer > older));
    let two = || GetNotificationsInputOptions { limit: Some(2), ..Default::default() };
    assert_eq!(page(two()).await, all[..2]);
    assert_eq!(page(GetNotificationsInputOptions { max_id: Some(all[1].clone()), ..two() }).await, all[2..4]);
    assert_eq!(page(GetNotificationsInputOptions { since_id: Some(all[4].clone()), ..two() }).await, all[..2]);
    assert_eq!(page(GetNotificationsInputOptions { min_id: Some(all[4].clone()), ..two() }).await, all[2..4]);
    let one = client.get_notification(all[5].clone()).await.unwrap().json;
    assert!(matches!(one.r#type, NotificationType::Mention));
    assert!(one.status.unwrap().content.ends_with("question 1</p>"));

    let mentions = rig.get("/api/v1/notifications?types[]=mention&limit=3").await;
    let link = header(&mentions, "link").to_owned();
    let (_, mentions) = json_of(mentions).await;
    assert_eq!(mentions.as_array().unwrap().len(), 3);
    let next = link.split(';').next().unwrap().trim_matches(['<', '>']).to_owned();
    assert!(next.contains("notifications?types%5B%5D=mention&limit=3&max_id="), "{link}");
    assert!(link.contains("rel=\"prev\""), "{link}");
    let rest = rig.http.get(next).bearer_auth(&rig.eyes.token).send().await.unwrap();
    assert_eq!(json_of(rest).await.1.as_array().unwrap().len(), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_mentions_of_strangers_are_filtered_until_asked_for() {
    let rig = Rig::start().await;
    let client = rig.client(&rig.eyes);
    rig.hand.write("ada", Draft::new("@eyes psst").visibility(Visibility::Direct)).unwrap();
    assert!(client.get_notifications(None).await.unwrap().json.is_empty());
    let (_, all) = json_of(rig.get("/api/v1/notifications?include_filtered=true").await).await;
    assert_eq!(all[0]["status"]["visibility"], "direct");
    let (_, policy) = json_of(rig.get("/api/v2/notifications/policy").await).await;
    assert_eq!(policy["for_private_mentions"], "filter");
    // One entry a person, and a page of one account filters nothing.
    rig.hand.write("ada", Draft::new("@eyes psst again").visibility(Visibility::Direct)).unwrap();
    let (_, requests) = json_of(rig.get("/api/v1/notifications/requests").await).await;
    assert_eq!((requests.as_array().unwrap().len(), &requests[0]["notifications_count"]), (1, &"2".into()));
    assert!(requests[0]["last_status"]["content"].as_str().unwrap().ends_with("psst again</p>"));
    let of = format!("/api/v1/notifications?account_id={}", requests[0]["account"]["id"].as_str().unwrap());
    assert_eq!(json_of(rig.get(&of).await).await.1.as_array().unwrap().len(), 2);
    // An answer to something of ours is no stranger's.
    let post = status(client.post_status("first".into(), None).await.unwrap().json);
    let answer = Draft::new("@eyes why?").visibility(Visibility::Direct).in_reply_to(&post.id);
    rig.hand.write("ada", answer).unwrap();
    assert_eq!(client.get_notifications(None).await.unwrap().json.len(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_notifications_lie_on_top_of_the_right_ones() {
    let rig = Rig::start().await;
    rig.hand.mention("ada", "@eyes hello").unwrap();
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownNotification));
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::MalformedNotification));
    rig.hand.fault(Fault::on(Endpoint::Notifications, Trouble::UnknownWords).times(2));
    // megalodon reads a page as a whole, so one stranger spoils it.
    assert!(rig.client(&rig.eyes).get_notifications(None).await.is_err());
    let (_, page) = json_of(rig.get("/api/v1/notifications").await).await;
    assert_eq!(page[0]["status"]["visibility"], "neighbours");
    assert_eq!(rig.client(&rig.eyes).get_notifications(None).await.unwrap().json.len(), 1);
    rig.stop().await;
}
