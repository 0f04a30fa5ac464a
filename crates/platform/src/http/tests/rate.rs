//! Bytes per second, measured in paused time: no more than configured, and no notable part less.
//! What the rate of a single bucket is, its own tests show.

use plugdock_contracts::ByteSize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fake_net::{Act, Service};
use super::*;

const URL: &str = "http://a.x.com/";

/// 100 KiB a second, and time enough.
fn config(upload: Option<u64>, download: Option<u64>) -> HttpConfig {
    HttpConfig {
        upload_per_second: upload.map(ByteSize::from_kib),
        download_per_second: download.map(ByteSize::from_kib),
        total_within: Duration::from_mins(10),
        ..HttpConfig::default()
    }
}

fn net(length: usize) -> Arc<FakeNet> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    let service = Service::Plays(vec![Act::Send(head), Act::Send(vec![b'x'; length])]);
    FakeNet::new().name("a.x.com", &[&[PUBLIC]]).service("93.184.216.34:80", service).shared()
}

/// Sends this many requests at once, and checks that they took this long, within a tenth.
async fn check(config: HttpConfig, plugins: &[&str], body: usize, answer: usize, expected: Duration) {
    let net = net(answer);
    let broker = Arc::new(broker_with(&net, config));
    let (start, mut all) = (Instant::now(), JoinSet::new());
    for plugin in plugins {
        let (broker, scope) = (Arc::clone(&broker), scope_of(plugin, None));
        all.spawn(async move {
            let mut request = HttpRequest::new("POST", URL);
            request.body = vec![b'y'; body].into();
            broker.send(&scope, &granted(&["http://a.x.com"]), request).await.map(|answer| answer.body.len())
        });
    }
    for length in all.join_all().await {
        assert_eq!(length.unwrap(), answer);
    }
    let took = start.elapsed();
    assert!(took >= expected * 9 / 10 && took <= expected * 11 / 10, "{took:?} instead of {expected:?}");
}

const MIB: usize = 1 << 20;

#[tokio::test(start_paused = true)]
async fn an_answer_comes_at_the_rate() {
    check(config(None, Some(100)), &["a/b"], 0, MIB, Duration::from_millis(10_240)).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_goes_at_the_rate_and_does_not_count_as_standing_still() {
    check(config(Some(100), None), &["a/b"], MIB, 2, Duration::from_millis(10_240)).await;
}

#[tokio::test(start_paused = true)]
async fn directions_have_rates_of_their_own() {
    check(config(Some(200), Some(100)), &["a/b"], MIB, MIB, Duration::from_millis(15_360)).await;
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_plugin_share_its_rate() {
    check(config(None, Some(100)), &["a/b"; 4], 0, MIB / 4, Duration::from_millis(10_240)).await;
}

#[tokio::test(start_paused = true)]
async fn plugins_share_no_rate() {
    check(config(None, Some(100)), &["a/b", "a/c"], 0, MIB, Duration::from_millis(10_240)).await;
}

#[tokio::test(start_paused = true)]
async fn requests_one_after_another_get_no_burst_each() {
    let net = net(8 * 1024);
    let broker = broker_with(&net, config(None, Some(100)));
    let start = Instant::now();
    let grants = granted(&["http://a.x.com"]);
    for turn in 0..100 {
        // A new plugin between them must not make the broker forget what the first one used up.
        let other = scope_of(&format!("a/p{turn}"), None);
        broker.send(&other, &grants, HttpRequest::new("GET", URL)).await.unwrap();
        get(&broker, &grants, URL).await.unwrap();
    }
    let took = start.elapsed();
    assert!((Duration::from_millis(7200)..Duration::from_millis(8800)).contains(&took), "{took:?}");
}
