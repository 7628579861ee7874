//! `aigne-hub seal`: a Secret manifest with its values encrypted.

use std::{
    fs,
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::{Context, KeyFile};
use crate::secret::seal::{self, SealKey};

mod text;

/// Encrypt the values of Secret manifests with a local key.
///
/// Writes the same manifest with each plain value replaced by `sealed:v1:…`; `aigne-hub run` opens them. A sealed
/// value works only in the Secret and data key that it was sealed for. Values that are `env:NAME` or sealed already
/// stay as they are. The key is made on first use: keep it out of Git, and keep a copy, for nothing else opens what
/// was sealed with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  aigne-hub seal -f secret.yaml > sealed.yaml
  aigne-hub seal -f secret.yaml --in-place
  kubectl create secret generic openai --from-literal=apiKey=\"$KEY\" --dry-run=client -o yaml | aigne-hub seal -f -")]
pub struct Args {
    /// The manifest; `-` reads standard input.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: PathBuf,
    /// Write the file itself instead of standard output.
    #[arg(short, long)]
    in_place: bool,
    #[command(flatten)]
    key: KeyFile,
    /// Keep the key in this data folder of a hub, instead of the user's configuration folder.
    #[arg(long, value_name = "DIR", conflicts_with = "key_file")]
    data: Option<PathBuf>,
}

/// Writes the sealed manifest.
pub fn run(args: &Args, context: &Context, output: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let is_stdin = args.file.as_os_str() == "-";
    if is_stdin && args.in_place {
        bail!("--in-place needs a file");
    }
    let name = if is_stdin { "standard input".to_owned() } else { args.file.display().to_string() };
    let text = read(&args.file, is_stdin).with_context(|| format!("{name} cannot be read"))?;
    let (key, path, made) = args.key(context)?;
    let sealed = text::seal(&name, &text, &key)?;
    if made {
        let _ =
            writeln!(io::stderr(), "made the sealing key {}: keep it safe, and keep a copy", path.display());
    }
    if sealed.values == 0 {
        let _ = writeln!(io::stderr(), "{name} holds no plain value of a Secret; nothing was changed");
    }
    if !args.in_place {
        output.write_all(sealed.text.as_bytes())?;
    } else if sealed.values > 0 {
        replace(&args.file, &sealed.text).with_context(|| format!("{name} cannot be written"))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// The key, its file, and whether it was made just now.
    fn key(&self, context: &Context) -> anyhow::Result<(SealKey, PathBuf, bool)> {
        let path = match &self.data {
            Some(data) => Some(seal::beside_data(data)),
            None => seal::key_file(self.key.key_file.clone(), &context.environment, None),
        };
        let path = path.ok_or(seal::KeyFileError::Nowhere)?;
        let (key, made) = SealKey::load_or_create(&path)?;
        Ok((key, path, made))
    }
}

fn read(path: &Path, is_stdin: bool) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if is_stdin {
        io::stdin().read_to_string(&mut text)?;
    } else {
        fs::File::open(path)?.read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Writes beside the file and renames, so that there is always a whole one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".sealing");
    let written = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::metadata(path)?.permissions()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests;
