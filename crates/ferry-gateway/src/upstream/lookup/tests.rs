//! Lookups are counted and held open by hand; no resolver is asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;
use tokio::time::{Duration, timeout};

use super::*;

#[tokio::test(start_paused = true)]
async fn one_lookup_is_in_flight_however_many_wait_and_give_up() {
    let lookup = Lookup::new(&Tasks::default());
    let asked = AtomicUsize::new(0);
    let (answer, answered) = oneshot::channel::<io::Result<Vec<SocketAddr>>>();
    let answered = Mutex::new(Some(answered));
    let ask = || {
        lookup.join(|| {
            asked.fetch_add(1, Ordering::Relaxed);
            let answered = answered.lock().unwrap().take().unwrap();
            async move { answered.await.unwrap() }
        })
    };
    for _ in 0..50 {
        assert!(timeout(Duration::from_secs(3), ask()).await.is_err());
    }
    assert_eq!((asked.load(Ordering::Relaxed), lookup.tasks.alive()), (1, 1));
    let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
    let (one, two, ()) = tokio::join!(ask(), ask(), async {
        answer.send(Ok(vec![address])).unwrap();
    });
    assert_eq!((&one.unwrap()[..], &two.unwrap()[..]), (&[address][..], &[address][..]));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_is_not_kept() {
    let lookup = Lookup::new(&Tasks::default());
    let refused = || async { Err(io::Error::new(io::ErrorKind::NotFound, "no such name")) };
    let error = lookup.join(refused).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (io::ErrorKind::NotFound, "no such name")
    );
    assert_eq!(lookup.join(|| async { Ok(Vec::new()) }).await.unwrap().len(), 0);
    assert!(lookup.join(refused).await.is_err());
}

#[tokio::test]
async fn a_lookup_that_ends_without_a_word_is_asked_again() {
    let lookup = Lookup::new(&Tasks::default());
    let (silent, gone) = oneshot::channel();
    drop(silent);
    let gone = || async move { gone.await.expect("it never comes") };
    assert!(lookup.join(gone).await.is_err());
    assert!(lookup.join(|| async { Ok(Vec::new()) }).await.is_ok());
}
