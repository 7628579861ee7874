use super::*;
use proptest::prelude::*;

const TYPE: &str = "multipart/form-data; boundary=b";

fn read(text: &str) -> Result<Form, Malformed> {
    parse(TYPE, &Bytes::copy_from_slice(text.as_bytes()))
}

fn part(name: &str, value: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn whole(form: &Form, boundary: &str) -> Bytes {
    form.write(boundary).concat().into()
}

#[test]
fn fields_and_files_are_read() {
    let file = "--b\r\ncontent-type: audio/mpeg\r\ncontent-disposition: form-data; name=file; filename=\"a \\\"b\\\".mp3\"\r\nx-other: 1\r\n\r\n\0\r\n--not\r\n\r\n";
    let form =
        read(&format!("preamble\r\n{}{file}{}--b--\r\nepilogue", part("model", "m"), part("empty", "")))
            .unwrap();
    let file = File { name: "a \"b\".mp3".into(), content_type: Some("audio/mpeg".into()) };
    assert_eq!(
        form.fields(),
        [
            Field { name: "model".into(), file: None, value: Bytes::from_static(b"m") },
            Field { name: "file".into(), file: Some(file), value: Bytes::from_static(b"\0\r\n--not\r\n") },
            Field { name: "empty".into(), file: None, value: Bytes::new() },
        ]
    );
    assert_eq!((form.text("model"), form.text("file"), form.text("none")), (Some("m"), None, None));
}

#[test]
fn a_file_is_not_copied() {
    let body = Bytes::from(format!("{}{}--b--", part("model", "m"), part("x", "a value")));
    let form = parse(TYPE, &body).unwrap();
    let within = body.as_ptr_range();
    for field in form.with("model", "other").fields().iter().filter(|field| field.name == "x") {
        assert!(within.contains(&field.value.as_ptr()));
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let twice = read(&format!("{}{}--b--", part("model", "a"), part("model", "b")));
    assert_eq!(twice, Err(Malformed::Duplicate("model".into())));
    let both = read(&format!("{}{}--b--", part("image", "a"), part("image[]", "b")));
    assert_eq!(both, Err(Malformed::Duplicate("image[]".into())));
    assert!(read(&format!("{}{}--b--", part("image[]", "a"), part("image[]", "b"))).is_ok());
    for head in [
        "content-disposition: form-data; name=a; name=b",
        "content-disposition: form-data; name=a; name*=utf-8''b",
        "content-disposition: form-data; name=a\r\ncontent-disposition: form-data; name=b",
        "content-disposition: form-data; name=a\ncontent-disposition: form-data; name=b",
        "content-disposition: form-data; name=\"a",
        "content-disposition: form-data; filename=a",
        "content-disposition: form-data; name=\"a%22\"",
        "content-disposition: form-data; name=\"a\\\"b\"",
        "content-disposition: form-data; name=\" a\"",
        "content-disposition: attachment; name=a",
        "content-disposition: form-data; name=a\r\ncontent-transfer-encoding: base64",
        "content-disposition form-data",
        "content-type: text/plain",
    ] {
        let text = format!("--b\r\n{head}\r\n\r\nvalue\r\n--b--");
        assert!(matches!(read(&text), Err(Malformed::Head(_))), "{head}");
    }
}

#[test]
fn bounds_hold() {
    assert_eq!(read("nothing"), Err(Malformed::NotDelimited));
    assert_eq!(
        read("--b\r\ncontent-disposition: form-data; name=a\r\n\r\nvalue"),
        Err(Malformed::NotDelimited)
    );
    assert_eq!(read("--bx"), Err(Malformed::NotDelimited));
    assert_eq!(read(&format!("{}--b--", part("a[]", "").repeat(200))), Err(Malformed::TooMany));
    for kind in [
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=b",
    ] {
        assert_eq!(parse(kind, &Bytes::from_static(b"--b--")), Err(Malformed::NoBoundary), "{kind}");
    }
    assert_eq!(
        parse("Multipart/Form-Data; charset=utf-8; Boundary=\"b\"", &Bytes::from_static(b"--b--")),
        Ok(Form::default())
    );
}

fn a_form() -> impl Strategy<Value = Form> {
    let file = proptest::option::of(("[^\\r\\n\0%]{1,12}", proptest::option::of("[a-z]{1,5}/[a-z]{1,5}")));
    let field = ("[a-zé.]{1,8}", file, proptest::collection::vec(any::<u8>(), 0..64));
    proptest::collection::btree_map("[a-z]{1,3}", field, 0..6).prop_map(|fields| {
        let field =
            |(name, (more, file, value)): (String, (String, Option<(String, Option<String>)>, Vec<u8>))| {
                let file = file.map(|(name, content_type)| File { name, content_type });
                let value = if file.is_none() {
                    String::from_utf8_lossy(&value).into_owned().into()
                } else {
                    value.into()
                };
                Field { name: format!("{name} {more}"), file, value }
            };
        Form { fields: fields.into_iter().map(field).collect() }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(form in a_form()) {
        let read = parse(&write::content_type("q-7"), &whole(&form, "q-7")).unwrap();
        let escaped = |text: &str| text.replace('"', "%22").replace('\\', "%5C");
        let expected: Vec<Field> = form.fields.iter().map(|field| Field {
            name: field.name.clone(),
            file: field.file.as_ref().map(|file| File {
                name: escaped(&file.name),
                content_type: file.content_type.clone().or(Some("application/octet-stream".into())),
            }),
            value: field.value.clone(),
        }).collect();
        prop_assert_eq!(read.fields(), expected);
    }

    #[test]
    fn anything_is_read_or_refused(body in proptest::collection::vec(proptest::sample::select(b"--b\r\n; =\"content-disposition: form-data; name=a".to_vec()), 0..200)) {
        let _ = parse(TYPE, &body.into());
    }
}
