//! Applications with nothing but a label: the sidecar in their pods, over TLS, from its start to its end.

use std::time::{Duration, Instant};

use aigne_hub_tests::harness::e2e::{Pod, Release, SMALL, Space, Stage, Upstream, on_stage, say};
use aigne_hub_tests::harness::{Authority, Outcome, Tool, binary, eventually_within};
use anyhow::{Context, ensure};
use futures::try_join;
use jiff::Timestamp;
use serde_json::{Value, json};

const MODEL: &str = "gpt";
const NAME: &str = "aigne-hub-sidecar";
const LABEL: &str = "hub.aigne.io/inject";

/// Knows nothing of the hub; says four times the same.
const CHATS: &str = r#"
import anthropic, openai, os
ask = {"model": "gpt", "messages": [{"role": "user", "content": "Hello"}]}
chats, messages = openai.OpenAI(max_retries=0).chat.completions, anthropic.Anthropic(max_retries=0).messages
said = [chats.create(**ask).choices[0].message.content, messages.create(max_tokens=64, **ask).content[0].text]
said += ["".join(event.choices[0].delta.content or "" for event in chats.create(stream=True, **ask) if event.choices)]
with messages.stream(max_tokens=64, **ask) as stream: said += ["".join(stream.text_stream)]
print("said", len(said), len(set(said)), len(said[0]) > 5, os.environ["OPENAI_API_KEY"])
"#;

/// Told to end, it does what it has begun, and one thing more.
const ENDS_BY_ITSELF: &str = r#"
import openai, signal
pieces, told = 0, []
signal.signal(signal.SIGTERM, lambda *_: (told.append(pieces), print("told")))
chats = openai.OpenAI(max_retries=0).chat.completions
ask = {"role": "user", "content": "[[chunks=PIECES pace=200]]"}
for event in chats.create(model="gpt", messages=[ask], stream=True):
    pieces += bool(event.choices and event.choices[0].delta.content)
    if pieces == 1: print("streams")
more = chats.create(model="gpt", messages=[{"role": "user", "content": "Hello"}])
print("pieces", pieces, "told", told and 0 < told[0] < pieces, "more", bool(more.choices[0].message.content))
"#;
/// 12 seconds.
const PIECES: u32 = 60;

#[tokio::test]
async fn a_label_is_all_that_an_application_needs() -> Outcome {
    on_stage(async |stage| {
        let began = Instant::now();
        let scene = Scene::open(stage).await?;
        let open = began.elapsed();
        scene.what_is_put_in().await?;
        try_join!(scene.a_job_ends(), scene.a_stream_outlives())?;
        assert_eq!(scene.upstream.totals().await?.answers, 4 + 2);
        let ended = began.elapsed();
        // It has objects outside of namespaces.
        scene.hub.uninstall().await?;
        say(format_args!("the hub and its tenant are ready after {open:.1?}, the pods have ended after {ended:.1?}, the hub after {:.1?}", began.elapsed()));
        Ok(())
    })
    .await
}

/// A hub with TLS, and a team whose namespace's own ServiceAccount is known to it.
struct Scene<'a> {
    stage: &'a Stage,
    hub: Release,
    upstream: Upstream,
    team: Space,
    /// Where pods may do as they like.
    free: Space,
    authority: Authority,
}

impl<'a> Scene<'a> {
    async fn open(stage: &'a Stage) -> anyhow::Result<Self> {
        let (hub, team, free) = try_join!(stage.space("hub"), stage.space("team"), stage.space("free"))?;
        let privileged = "pod-security.kubernetes.io/enforce=privileged";
        free.cluster().kubectl(["label", "namespace", free.name(), privileged, "--overwrite"]).ok().await?;
        let authority = Authority::of([format!("aigne-hub.{}.svc", hub.name())])?;
        let read = std::fs::read_to_string;
        let pair = json!({"tls.crt": read(authority.certificate())?, "tls.key": read(authority.key())?});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": "hub-tls"}, "stringData": pair});
        hub.apply([secret]).await?;

        let ca = format!("--set-file=sidecar.ca.bundle={}", authority.roots().display());
        let teams = format!("--set=tenantNamespaces={{{}}}", team.name());
        let ours = json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In",
            "values": [team.name(), free.name()]}]});
        let ours = format!("--set-json=sidecar.injection.namespaceSelector={ours}");
        let tls =
            "--set=tls.mode=Secret,tls.secretName=hub-tls,sidecar.injection.enabled=true,gateway.replicas=1";
        let values = [SMALL, &[&*ca, &teams, &ours, tls]].concat();
        let (upstream, release) = try_join!(Upstream::start(&hub), Release::install(stage, &hub, &values))?;
        hub.apply(upstream.manifests("openai", MODEL)).await?;
        let identity = json!({"namespace": team.name(), "serviceAccount": "default"});
        let spec = json!({"displayName": "Team", "workloadIdentities": [identity]});
        team.apply([json!({"apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant",
            "metadata": {"name": "team"}, "spec": spec})])
            .await?;
        try_join!(hub.condition("aiprovider/openai", "Ready"), team.condition("tenant/team", "Ready"))?;
        Ok(Self { stage, hub: release, upstream, team, free, authority })
    }

    /// By the API server the same as by `aigne-hub inject`; nothing where nobody asks for it; not on the host's network.
    async fn what_is_put_in(&self) -> Outcome {
        // As pods have it unless they say otherwise: the API server mounts its own token, too.
        let plain = Pod::python("plain", CHATS).spec(json!({"automountServiceAccountToken": true}));
        let asking = plain.clone().label(LABEL, "sidecar");
        let by_hand = self.inject(&plain).await?.context("a pod without the label, by --all")?;
        let expected = comparable(would_be_stored(&self.team, &by_hand).await?)?;
        // A policy counts a moment after it was written.
        let labelled = asking.manifest().to_string();
        eventually_within(Duration::from_mins(1), "the policy is in use", async || {
            let stored = comparable(would_be_stored(&self.team, &labelled).await?)?;
            Ok((stored["initContainers"] != Value::Null).then_some(stored))
        })
        .await
        .map(|stored| assert_eq!(format!("{stored:#}"), format!("{expected:#}")))?;

        let untouched = would_be_stored(&self.team, &plain.clone().manifest().to_string()).await?;
        ensure!(!untouched.to_string().contains(NAME), "{untouched:#}");

        let on_the_host = plain.label(LABEL, "sidecar").spec(json!({"hostNetwork": true}));
        let why =
            "the sidecar's loopback would be the node's, open to everybody on it: take hostNetwork away";
        let create = create(&self.free, &on_the_host.clone().manifest().to_string()).run().await?;
        ensure!(!create.success && create.stderr.contains(why), "{}{}", create.stdout, create.stderr);
        ensure!(self.inject(&on_the_host).await?.is_none(), "nor by hand");
        Ok(())
    }

    /// The application ends, so its pod does: well.
    async fn a_job_ends(&self) -> Outcome {
        let said = self.team.finish(Pod::python("job", CHATS).label(LABEL, "sidecar")).await?;
        ensure!(said.contains("said 4 1 True from-the-sidecar"), "{said}");
        let ended = |pod: &Value| sidecar(pod)["state"]["terminated"].is_object();
        let pod = self.team.await_object("pod/job", "without its sidecar", ended).await?;
        let terminated = &sidecar(&pod)["state"]["terminated"];
        assert_eq!(
            (&terminated["exitCode"], &sidecar(&pod)["restartCount"]),
            (&json!(0), &json!(0)),
            "{said}"
        );
        let time = |at: &Value| -> anyhow::Result<Timestamp> { Ok(at.as_str().context("no time")?.parse()?) };
        let app = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        let after = time(&terminated["finishedAt"])?.duration_since(time(&app["finishedAt"])?);
        say(format_args!("the sidecar has ended {} s after its application", after.as_secs()));
        // The kubelet kills after this many seconds, as the pod says.
        ensure!(after.as_secs() < 5, "{after:?}: {said}");
        Ok(())
    }

    /// The pod is deleted while its application streams: that is given its time, and its sidecar is there for as long.
    async fn a_stream_outlives(&self) -> Outcome {
        let team = &self.team;
        let program = ENDS_BY_ITSELF.replace("PIECES", &PIECES.to_string());
        let pod = Pod::python("long", &program).label(LABEL, "sidecar");
        team.apply([pod.spec(json!({"terminationGracePeriodSeconds": 60})).manifest()]).await?;
        let pod = team.condition("pod/long", "Ready").await?;
        ensure!(sidecar(&pod)["started"] == true, "by its startup probe: {:#}", pod["status"]);
        eventually_within(Duration::from_mins(1), "it streams", async || {
            Ok(team.logs("pod/long").await?.contains("streams").then_some(()))
        })
        .await?;
        if let Some(node) = self.stage.node("how much memory a sidecar uses")? {
            let memory = node.memory(team.name(), "long", NAME).await?;
            say(format_args!(
                "a sidecar that streams, as `make test` builds it and not as it is released, in KiB: {memory:?}"
            ));
        }

        let follow = async |container: &str| {
            let logs = ["logs", "pod/long", "--follow", "--timestamps", "--container", container];
            team.kubectl(logs).ok().await
        };
        let delete = async { team.kubectl(["delete", "pod/long"]).ok().await };
        let (app, sidecar, _) = try_join!(follow("app"), follow(NAME), delete)?;
        ensure!(app.contains(&format!("pieces {PIECES} told True more True")), "{app}");
        ensure!(!sidecar.contains("cut off"), "{sidecar}");
        let (told, last) = (when(&app, "told")?, when(&app, "pieces ")?);
        let (draining, ended) = (when(&sidecar, "draining")?, when(&sidecar, "ended")?);
        ensure!(last <= draining, "it is told once the application has ended: {app}{sidecar}");
        say(format_args!(
            "a pod that is deleted: its application goes on for {:#}; {:#} later the sidecar is told, {:#} later it has ended",
            told.until(last)?,
            last.until(draining)?,
            draining.until(ended)?,
        ));
        Ok(())
    }

    /// What the command makes of a pod, labelled or not; none where it refuses.
    async fn inject(&self, pod: &Pod) -> anyhow::Result<Option<String>> {
        let hub = format!("--hub=https://aigne-hub.{}.svc:8443", self.hub.space().name());
        let ca = format!("--ca-file={}", self.authority.roots().display());
        let call = Tool::new(binary()?, ["inject", "--all", "-f", "-", &hub, &ca]);
        let ran = call.input(pod.clone().manifest().to_string()).run().await?;
        ensure!(ran.success || ran.stderr.contains("hostNetwork is on"), "{}", ran.stderr);
        Ok(ran.success.then_some(ran.stdout))
    }
}

/// Its status.
fn sidecar(pod: &Value) -> &Value {
    &pod["status"]["initContainerStatuses"][0]
}

/// When a line with this was written, by the time that stands before each.
fn when(log: &str, what: &str) -> anyhow::Result<Timestamp> {
    let said = log.lines().filter_map(|line| line.split_once(' ')).find(|(_, line)| line.contains(what));
    Ok(said.with_context(|| format!("no {what} in {log}"))?.0.parse()?)
}

/// The pod as the API server would keep it.
async fn would_be_stored(space: &Space, manifest: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&create(space, manifest).ok().await?)?)
}

fn create(space: &Space, manifest: &str) -> Tool {
    let create = ["create", "--validate=strict", "--dry-run=server", "--output=json", "-f", "-"];
    space.kubectl(create).input(manifest)
}

/// Its spec without what is drawn by lot, and volumes in an order that depends on nothing.
fn comparable(mut pod: Value) -> anyhow::Result<Value> {
    let mut spec = pod["spec"].take();
    let text = spec.to_string();
    if let Some((_, drawn)) = text.split_once("\"kube-api-access-") {
        let name = format!("kube-api-access-{}", drawn.split('"').next().unwrap_or_default());
        spec = serde_json::from_str(&text.replace(&name, "kube-api-access"))?;
    }
    sort(&mut spec["volumes"], "name");
    for kind in ["initContainers", "containers"] {
        for container in spec[kind].as_array_mut().into_iter().flatten() {
            sort(&mut container["volumeMounts"], "mountPath");
        }
    }
    Ok(spec)
}

fn sort(list: &mut Value, by: &str) {
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(|item| item[by].as_str().map(str::to_owned));
    }
}
