//! Doors before an echo, one fate at a time.

use tokio::task::JoinHandle;

use super::*;

/// How long anything may take before it counts as a hang. Never part of an assertion.
const GUARD: Duration = Duration::from_secs(30);

/// Sends back what comes.
async fn echo() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = Tasks::default().spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            drop(Tasks::default().spawn(async move {
                let (mut from, mut to) = socket.split();
                tokio::io::copy(&mut from, &mut to).await.ok();
            }));
        }
    });
    (address, task)
}

async fn said(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    client.write_all(b"hello").await?;
    let mut said = vec![0; 5];
    client.read_exact(&mut said).await?;
    Ok(said)
}

#[tokio::test]
async fn a_fair_path_carries_and_a_dead_one_resets_what_stood() {
    let (to, _echo) = echo().await;
    let (mood, seen) = watch::channel(Mood::Fair);
    let door = Door::open(to, Deck::new(1, 1), seen, &Tasks::default()).await.unwrap();
    let mut client = TcpStream::connect(door.address).await.unwrap();
    assert_eq!(said(&mut client).await.unwrap(), b"hello");
    mood.send_replace(Mood::Dead);
    assert!(client.read_u8().await.is_err());
    let late = TcpStream::connect(door.address).await;
    if let Ok(mut late) = late {
        assert!(said(&mut late).await.is_err());
    }
    mood.send_replace(Mood::Fair);
    let mut back = TcpStream::connect(door.address).await.unwrap();
    assert_eq!(said(&mut back).await.unwrap(), b"hello");
    let met = door.met();
    assert_eq!((met.fair, met.reset, met.tried()), (2, 1, 3));
}

#[tokio::test]
async fn a_rough_path_deals_its_deck() {
    let (to, _echo) = echo().await;
    let (_mood, seen) = watch::channel(Mood::Rough);
    let door = Door::open(to, Deck::new(3, 1), seen, &Tasks::default()).await.unwrap();
    let mut deck = Deck::new(3, 1);
    for _connection in 0..20 {
        let fate = deck.fate(Mood::Rough);
        // As the door does, so that both stay in step.
        deck.dice();
        let client = TcpStream::connect(door.address).await;
        match (fate, client) {
            (Fate::Fair, client) => assert_eq!(said(&mut client.unwrap()).await.unwrap(), b"hello"),
            (Fate::Reset, Ok(mut client)) => assert!(said(&mut client).await.is_err()),
            // Hung up before anything came.
            (Fate::Reset | Fate::Unanswered | Fate::Slow(_), _) => {}
        }
    }
    let met = door.met();
    assert_eq!(met, Met { reset: 4, unanswered: 4, slow: 2, fair: 10 });
}

#[tokio::test]
async fn a_door_closes_when_nobody_turns_the_dial() {
    let (to, _echo) = echo().await;
    let (mood, seen) = watch::channel(Mood::Fair);
    let tasks = Tasks::default();
    let door = Door::open(to, Deck::new(1, 1), seen, &tasks).await.unwrap();
    let mut client = TcpStream::connect(door.address).await.unwrap();
    assert_eq!(said(&mut client).await.unwrap(), b"hello");
    drop(mood);
    assert!(client.read_u8().await.is_err());
    let ended = async {
        while tasks.alive() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(GUARD, ended).await.expect("a task hung");
}
