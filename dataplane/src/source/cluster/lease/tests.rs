use std::sync::{Arc, Mutex};

use tokio::time::sleep;

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn said(sequence: Option<u64>, refused: Option<&str>) -> Said {
    Said { sequence, refused: refused.map(str::to_owned) }
}

#[test]
fn it_goes_with_its_pod_where_that_is_known() {
    let pod = |uid: Option<&str>| Pod { name: "hub-1".into(), uid: uid.map(str::to_owned) };
    let owned = object(&pod(Some("1234")), &MicroTime(NOW), NOW, said(Some(7), None));
    let owners = owned.metadata.owner_references.unwrap();
    assert_eq!(owners.len(), 1);
    let OwnerReference { api_version, kind, name, uid, controller, block_owner_deletion } = owners[0].clone();
    assert_eq!((&*api_version, &*kind, &*name, &*uid), ("v1", "Pod", "hub-1", "1234"));
    assert_eq!((controller, block_owner_deletion), (None, None), "that would need a right over Pods");
    assert_eq!(object(&pod(None), &MicroTime(NOW), NOW, said(Some(7), None)).metadata.owner_references, None);
}

#[test]
fn what_is_not_said_is_not_there() {
    let pod = Pod { name: "hub-1".into(), uid: None };
    let annotations = |said| object(&pod, &MicroTime(NOW), NOW, said).metadata.annotations.unwrap();
    let both = annotations(said(Some(7), Some("why")));
    assert_eq!(both.get(SEQUENCE_ANNOTATION).map(String::as_str), Some("7"));
    assert_eq!(both.get(REFUSED_ANNOTATION).map(String::as_str), Some("why"));
    assert!(!annotations(said(Some(8), None)).contains_key(REFUSED_ANNOTATION));
}

/// A Lease whose writes are seen, with the seconds (tenths) at which they were made; `fails` at the first ones.
struct Kept {
    served: watch::Sender<Option<u64>>,
    refused: watch::Sender<Option<String>>,
    writes: Arc<Mutex<Vec<(u128, Said)>>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn keep(fails: usize) -> Kept {
    let (served, refused) = (watch::Sender::new(None), watch::Sender::new(None));
    let keeper = Keeper { served: served.subscribe(), refused: refused.subscribe() };
    let writes = Arc::new(Mutex::new(Vec::new()));
    let (seen, started) = (Arc::clone(&writes), Instant::now());
    let write = move |said| {
        let mut seen = seen.lock().unwrap();
        seen.push((started.elapsed().as_millis() / 100, said));
        let answer = if seen.len() <= fails { Err("away".to_owned()) } else { Ok(()) };
        async move { answer }
    };
    let (stop, stopped) = oneshot::channel();
    Kept { served, refused, writes, stop, task: tokio::spawn(keeper.run(write, stopped)) }
}

#[tokio::test(start_paused = true)]
async fn it_is_written_at_once_then_at_most_once_a_second_and_renewed() {
    let kept = keep(0);
    sleep(Duration::from_secs(20)).await;
    assert!(kept.writes.lock().unwrap().is_empty(), "there is nothing to say yet");
    kept.served.send_replace(Some(1));
    sleep(Duration::from_millis(100)).await;
    kept.refused.send_replace(Some("why".into()));
    kept.served.send_replace(Some(2));
    sleep(Duration::from_millis(200)).await;
    kept.served.send_replace(Some(3));
    sleep(Duration::from_millis(2700)).await;
    kept.refused.send_replace(None);
    sleep(Duration::from_secs(6)).await;
    let wanted = [
        (200, said(Some(1), None)),
        (210, said(Some(3), Some("why"))),
        (230, said(Some(3), None)),
        (280, said(Some(3), None)),
    ];
    assert_eq!(*kept.writes.lock().unwrap(), wanted);
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_again_and_ends_when_told() {
    let kept = keep(2);
    kept.served.send_replace(Some(1));
    sleep(Duration::from_millis(6500)).await;
    let at: Vec<_> = kept.writes.lock().unwrap().iter().map(|(at, _)| *at).collect();
    assert_eq!(at, [0, 10, 20], "then it holds until it is renewed");
    kept.stop.send(()).unwrap();
    kept.task.await.unwrap();
    sleep(Duration::from_mins(1)).await;
    assert_eq!(kept.writes.lock().unwrap().len(), 3);
}
