import type { MarkedToken, Token, Tokens } from "marked";
import { Fragment, type ReactNode } from "react";
import { Link } from "react-router";

import { readLine, readText } from "./markdown";
import css from "./Prose.module.css";

/** The page's title and the card's are above what a member wrote. */
const HIGHEST_HEADING = 3;
const LOWEST_HEADING = 6;
const TRUSTED = new Set(["http:", "https:", "mailto:"]);

/**
 * Markdown that a member wrote, as elements: HTML in it is shown as it was written, a picture as a
 * link to it, and a link that leads to anything but a page or a mailbox as its words.
 */
export function Prose({ children }: { children: string }) {
  const tokens = readText(children);
  const depths = tokens.flatMap((token) => (token.type === "heading" ? [Number(token.depth)] : []));
  return <div className={css.prose}>{rendered(tokens, HIGHEST_HEADING - Math.min(...depths))}</div>;
}

/** The same for a line within a text: emphasis, code and links. */
export function ProseLine({ children }: { children: string }) {
  return <span className={css.line}>{rendered(readLine(children), 0)}</span>;
}

function rendered(tokens: readonly Token[], shift: number): ReactNode {
  // Without extensions, the tokens are those that it knows itself.
  return (tokens as readonly MarkedToken[]).map((token, index) => <Fragment key={index}>{element(token, shift)}</Fragment>);
}

function element(token: MarkedToken, shift: number): ReactNode {
  const inside = "tokens" in token && token.tokens ? rendered(token.tokens, shift) : null;
  switch (token.type) {
    case "paragraph":
      return <p>{inside}</p>;
    case "heading": {
      const depth = Math.max(HIGHEST_HEADING, Math.min(LOWEST_HEADING, token.depth + shift));
      const Heading = `h${depth}` as "h3";
      return <Heading>{inside}</Heading>;
    }
    case "blockquote":
      return <blockquote>{inside}</blockquote>;
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      );
    case "list":
      return <List list={token} shift={shift} />;
    case "table":
      return <Table table={token} shift={shift} />;
    case "hr":
      return <hr />;
    case "strong":
      return <strong>{inside}</strong>;
    case "em":
      return <em>{inside}</em>;
    case "del":
      return <del>{inside}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return <Way to={token.href}>{inside}</Way>;
    case "image":
      return <Way to={token.href}>{token.text || token.href}</Way>;
    case "html":
      return token.block ? <p>{token.text}</p> : token.text;
    case "text":
      return inside ?? read(token.text);
    case "escape":
      return token.text;
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    default:
      return null;
  }
}

function List({ list, shift }: { list: Tokens.List; shift: number }) {
  const items = list.items.map((item, index) => <li key={index}>{rendered(item.tokens, shift)}</li>);
  return list.ordered ? <ol start={Number(list.start)}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table, shift }: { table: Tokens.Table; shift: number }) {
  return (
    <div className={css.scroll} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {table.header.map((cell, column) => (
              <th key={column} scope="col">
                {rendered(cell.tokens, shift)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{rendered(cell.tokens, shift)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Way({ to, children }: { to: string; children: ReactNode }) {
  const url = URL.canParse(to, location.href) ? new URL(to, location.href) : null;
  if (url === null || !TRUSTED.has(url.protocol)) return children;
  if (url.origin === location.origin) return <Link to={url.pathname + url.search + url.hash}>{children}</Link>;
  return (
    <a href={url.href} rel="noopener noreferrer nofollow ugc">
      {children}
    </a>
  );
}

/** Reads what HTML has names for, such as `&copy;`; nothing else is read as HTML. */
function read(text: string): string {
  return text.replace(/&(#\d+|#x[\da-f]+|\w+);/gi, (name) => new DOMParser().parseFromString(name, "text/html").body.textContent ?? name);
}
