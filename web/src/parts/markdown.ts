import { getDefaults, Lexer, Tokenizer, type Token } from "marked";

/** What people write has far less of either; more of it fells the page, or holds it up for seconds. */
const DEEPEST = 16;
const MOST_EMPHASES = 200;

/** Reads Markdown, and takes as plain words what is nested deeper, or emphasised more often, than anybody means. */
class PatientTokenizer extends Tokenizer {
  private depth = 0;
  private emphases = 0;

  override emStrong(...from: Parameters<Tokenizer["emStrong"]>): ReturnType<Tokenizer["emStrong"]> {
    this.emphases += 1;
    return this.emphases > MOST_EMPHASES ? undefined : super.emStrong(...from);
  }

  override blockquote(source: string): ReturnType<Tokenizer["blockquote"]> {
    return this.nested(() => super.blockquote(source));
  }

  override list(source: string): ReturnType<Tokenizer["list"]> {
    return this.nested(() => super.list(source));
  }

  private nested<Read>(read: () => Read): Read | undefined {
    if (this.depth === DEEPEST) return undefined;
    this.depth += 1;
    try {
      return read();
    } finally {
      this.depth -= 1;
    }
  }
}

const patiently = () => ({ ...getDefaults(), tokenizer: new PatientTokenizer() });

export const readText = (text: string): Token[] => Lexer.lex(text, patiently());

export const readLine = (line: string): Token[] => Lexer.lexInline(line, patiently());
