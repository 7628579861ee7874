//! Files that must be refused: every error with file, line, column, object and field.

use aigne_hub_crds::manifest::Manifests;

#[test]
fn what_is_refused_says_where_and_why() {
    insta::glob!("refused/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let manifests = Manifests::read([(name.as_str(), text.as_str())]);
        let errors: Vec<String> = manifests.errors.iter().map(ToString::to_string).collect();
        for secret in ["sk-hidden", "98765", "60606"] {
            assert!(!errors.iter().any(|error| error.contains(secret)), "{secret} in {errors:#?}");
        }
        insta::assert_snapshot!(errors.join("\n"));
    });
}

#[test]
fn what_is_accepted_has_no_errors() {
    insta::glob!("accepted/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let manifests = Manifests::read([("accepted.yaml", text.as_str())]);
        assert_eq!(manifests.errors, []);
        assert_eq!(manifests.objects.len(), text.matches("apiVersion").count());
    });
}
