//! Every act against the mock alone: what the provider itself answers is right, but nobody explains its errors.

use ferry_mock::{Mock, MockSettings};

use super::*;

async fn played(mock_fault: &str, act: Act) -> Outcome {
    let mock = Mock::start(MockSettings::default()).await.unwrap();
    mock.set_fault(mock_fault).unwrap();
    let outcome = play(act, Target { address: mock.addr() }).await;
    mock.stop().await;
    outcome
}

#[tokio::test]
async fn the_provider_itself_answers_every_act() {
    for act in Act::ALL {
        let outcome = played("", act).await;
        assert_eq!(outcome.status, Some(act.status()), "{outcome:?}");
        let unexplained = matches!(act, Act::WrongKey | Act::Overloaded);
        let wrong = Note::Wrong(Wrong::Lacks("x-ferry-hint"));
        assert_eq!(outcome.note == wrong, unexplained, "{outcome:?}");
        assert_eq!(outcome.is_right(), !unexplained, "{outcome:?}");
    }
}

#[tokio::test]
async fn what_is_not_whole_is_wrong() {
    for (act, fault, wrong) in [
        (Act::Stream, "end:after=4", Wrong::Lacks("message_stop")),
        (Act::Json, "html", Wrong::Lacks("message_stop")),
        (Act::Models, "500", Wrong::Status(200)),
        (Act::CountTokens, "empty", Wrong::Lacks("input_tokens")),
    ] {
        let outcome = played(fault, act).await;
        assert_eq!(outcome.note, Note::Wrong(wrong), "{outcome:?}");
        assert!(outcome.to_json()["wrong"].is_string());
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_with_its_cause() {
    let outcome = played("cut:at=3,how=fin", Act::Stream).await;
    let Note::Wrong(Wrong::Broken(why)) = &outcome.note else { panic!("{outcome:?}") };
    assert!(why.starts_with("exchange HTTP: "), "{why}");
}
