// How secrets announce themselves: a beginning that their issuer gave them, and the letters that follow. Used to find and to mask
// them; what a find means is said by rules/threats/metadata. Forms are those that the issuers document for secret scanning.

export interface SecretShape {
  /** Name of the action. */
  readonly name: string
  readonly beginning: string
  readonly letters: ReadonlySet<string>
  /** Letters behind the beginning, at least and at most. */
  readonly least: number
  readonly most: number
}

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const DIGITS = '0123456789'
const PLAIN = UPPER + UPPER.toLowerCase() + DIGITS
const UPPER_DIGITS: ReadonlySet<string> = new Set(UPPER + DIGITS)
const WORD: ReadonlySet<string> = new Set(`${PLAIN}_`)
const WORD_HYPHEN: ReadonlySet<string> = new Set(`${PLAIN}_-`)
const LETTERS: ReadonlySet<string> = new Set(PLAIN)
/** Base64 in both alphabets, and what headers allow in tokens (RFC 6750). */
export const TOKEN_LETTERS: ReadonlySet<string> = new Set(`${PLAIN}_-.~+/=`)
const PATH_LETTERS: ReadonlySet<string> = new Set(`${PLAIN}/`)

/** Longest secret that is followed; tokens of sessions are the longest (CWE-400). */
const MAX_LETTERS = 2_048

function shape(
  name: string,
  beginnings: string,
  letters: ReadonlySet<string>,
  least: number,
  most = MAX_LETTERS,
): readonly SecretShape[] {
  return beginnings.split(' ').map((beginning) => ({ name, beginning, letters, least, most }))
}

/** Of two beginnings that fit, the first of the list speaks. */
export const SECRET_SHAPES: readonly SecretShape[] = [
  ...shape('secret-aws-access-key', 'AKIA ASIA', UPPER_DIGITS, 16, 16),
  ...shape('secret-google-key', 'AIza', WORD_HYPHEN, 35, 35),
  ...shape('secret-google-token', 'ya29.', WORD_HYPHEN, 20),
  ...shape('secret-azure-key', 'AccountKey= SharedAccessKey=', TOKEN_LETTERS, 40, 128),
  ...shape('secret-digitalocean-token', 'dop_v1_', LETTERS, 64, 64),
  ...shape('secret-github-token', 'github_pat_', WORD, 22),
  ...shape('secret-github-token', 'ghp_ gho_ ghu_ ghs_ ghr_', LETTERS, 36),
  ...shape('secret-gitlab-token', 'glpat-', WORD_HYPHEN, 20),
  ...shape('secret-huggingface-token', 'hf_ api_org_', LETTERS, 30, 64),
  ...shape('secret-anthropic-key', 'sk-ant-', WORD_HYPHEN, 20),
  ...shape('secret-openai-key', 'sk-proj- sk-svcacct- sk-admin-', WORD_HYPHEN, 40),
  // Of any other length it is an id of something: data sets are full of them.
  ...shape('secret-openai-key', 'sk-', LETTERS, 48, 48),
  ...shape('secret-stripe-key', 'sk_live_ rk_live_', LETTERS, 20),
  ...shape('secret-slack-token', 'xoxb- xoxp- xoxa- xoxr- xoxs-', WORD_HYPHEN, 16),
  ...shape('secret-slack-webhook', 'hooks.slack.com/services/', PATH_LETTERS, 20),
  ...shape('secret-npm-token', 'npm_', LETTERS, 36, 36),
  ...shape('secret-pypi-token', 'pypi-', WORD_HYPHEN, 50),
  ...shape('secret-nvidia-key', 'nvapi-', WORD_HYPHEN, 40),
  ...shape('secret-groq-key', 'gsk_', LETTERS, 40),
  ...shape('secret-replicate-token', 'r8_', LETTERS, 37, 37),
  ...['Bearer ', 'bearer '].map((beginning) => ({
    ...{ name: 'secret-bearer-token', beginning, letters: TOKEN_LETTERS },
    ...{ least: 20, most: MAX_LETTERS },
  })),
]

/** Words in names of settings behind which a secret stands. `token` alone is a word of every tokenizer. */
export const SECRET_NAMES: readonly string[] = [
  ...['api_key', 'apikey', 'api-key', 'access_key', 'access-key', 'accesskey', 'account_key', 'private_key'],
  ...['secret', 'passwd', 'password', 'credential', 'access_token', 'auth_token', 'bearer_token', 'refresh_token'],
  ...['hub_token', 'hf_token', 'github_token', 'session_token', 'use_auth_token'],
]

/** What stands in documentation where a secret would: no secret at all. In lower case. */
export const EXAMPLE_MARKS: readonly string[] = [
  ...['example', 'xxxx', 'your', 'placeholder', 'changeme', 'change_me', 'dummy', 'redacted', 'sample', '****', '....'],
  ...['1234567890', '0123456789', 'abcdefgh', 'user:pass', 'username:', ':password@', 'eyjzdwiioiixmjm0nty3odkw'],
]

/** Names below a folder of homes that are nobody's: accounts of machines, and words of documentation. In lower case. */
export const NOBODYS_HOMES: ReadonlySet<string> = new Set(
  (
    'runner runneradmin ubuntu debian centos fedora user users username user_name your_name yourname name you me myuser root admin ' +
    'administrator public default shared all vscode codespace circleci jenkins gitlab-runner build builder ec2-user opc azureuser ' +
    'sagemaker-user jovyan node app docker container colab kaggle nobody guest test linuxbrew containeradministrator'
  ).split(' '),
)

/** Ends of host names that no public name server answers for. */
export const INNER_SUFFIXES: readonly string[] = ['.local', '.internal', '.corp', '.lan', '.intranet', '.home.arpa']
