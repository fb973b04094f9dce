//! The wait for a head, before an answer that never comes.

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn watch(now: Instant) -> Watch {
    let timeouts = Timeouts {
        write_stall: Duration::from_millis(50),
        first_byte: HOUR,
        event_gap: HOUR,
        client_idle: HOUR,
        stream_total: HOUR,
        nonstream_total: HOUR,
        patience: HOUR,
        ping: HOUR,
        early_ping: None,
    };
    Watch {
        timeouts,
        stream: true,
        soft: HOUR,
        asked: false,
        total: Total { at: now + HOUR, moves: None },
        progress_at: now,
        bytes: 0,
    }
}

#[tokio::test]
async fn a_flood_of_interim_answers_does_not_outrun_the_deadline() {
    // What hyper does with one: it reads for as long as the runtime lets this task read at one go.
    let flood = async {
        loop {
            tokio::task::consume_budget().await;
        }
    };
    let sent = Outgoing::held(Arc::new([bytes::Bytes::from_static(b"{}")])).sent();
    let mut watch = watch(clock::now());
    // A hang is a failure.
    let guard = Duration::from_secs(20);
    let waited = tokio::time::timeout(guard, in_time(flood, &mut watch, &sent, |_soft| false));
    let waited: Result<(), Late> = waited.await.unwrap();
    assert!(matches!(waited, Err(Late::WriteStall(50))), "{waited:?}");
}
