//! The resolver and the connector that ship, over the machine's own loopback.
//! What is refused and why, the other tests show.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

#[tokio::test]
async fn a_granted_loopback_address_is_reached_by_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut servers = JoinSet::new();
    servers.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 1024];
        let count = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        // The broker keeps no connection: the next read is its end.
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
        String::from_utf8(request[..count].to_vec()).unwrap()
    });
    let broker = HttpBroker::new(HttpConfig::default()).unwrap();
    let response = get(&broker, &granted(&[&origin]), &format!("{origin}/path")).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"ok"[..]));
    let request = servers.join_next().await.unwrap().unwrap();
    assert!(request.starts_with("GET /path HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn a_dropped_request_closes_its_tcp_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let broker = HttpBroker::new(HttpConfig::default()).unwrap();
    let grants = granted(&[&origin]);
    let mut stream = {
        let request = get(&broker, &grants, &origin);
        let seen = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream
        };
        tokio::select! {
            answer = request => panic!("nobody answered, and yet: {answer:?}"),
            stream = seen => stream,
        }
    };
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}
