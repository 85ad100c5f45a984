import { answer, api } from "../../api/client";
import { asProblem, Problem } from "../../api/problem";
import type { Entry, Said, Told } from "./frames";

const KEPT = "guildhall.talk.";
const FIRST_WAIT_MILLISECONDS = 400;
const LONGEST_WAIT_MILLISECONDS = 15_000;
const PING_MILLISECONDS = 20_000;
const SILENCE_MILLISECONDS = 30_000;

interface Waiting {
  readonly clientId: string;
  readonly text: string;
}

interface Kept {
  /** The conversation, once there is one. */
  readonly id: string | null;
  /** What was said, and of which nobody knows whether it has arrived. */
  readonly waiting: readonly Waiting[];
  /** What was decided, and not yet heard of: whether it was a yes, by proposal. */
  readonly decided: Readonly<Record<string, boolean>>;
}

export interface TalkState extends Kept {
  readonly entries: readonly Entry[];
  readonly isConnected: boolean;
  /** A connection is wanted, and there is none. */
  readonly isLost: boolean;
  readonly problem: Problem | null;
  /** What was said and not taken: it goes back to where it was typed. */
  readonly returned: string;
}

const NOTHING_KEPT: Kept = { id: null, waiting: [], decided: {} };
const BEGINNING: TalkState = { ...NOTHING_KEPT, entries: [], isConnected: false, isLost: false, problem: null, returned: "" };

/**
 * A conversation with the hall that outlives its connections. What is said is kept until the hall has
 * taken it down, and said again, under the same name, over the next connection.
 */
export class Talk {
  private readonly key: string;
  private readonly listeners = new Set<() => void>();
  private current: TalkState;
  private socket: WebSocket | null = null;
  private isHere = false;
  private failures = 0;
  private timer = 0;
  private heartbeat = 0;
  private heardAt = 0;

  constructor(memberId: string) {
    this.key = KEPT + memberId;
    this.current = { ...BEGINNING, ...this.kept() };
  }

  readonly state = (): TalkState => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Somebody is at this page: what was left unfinished goes on. */
  enter(): void {
    this.isHere = true;
    window.addEventListener("online", this.connectNow);
    if (this.isWanted()) void this.connect();
  }

  leave(): void {
    this.isHere = false;
    window.removeEventListener("online", this.connectNow);
    window.clearTimeout(this.timer);
    this.drop();
  }

  say(text: string): void {
    const message = { clientId: crypto.randomUUID(), text };
    this.change({ waiting: [...this.current.waiting, message], problem: null });
    this.send({ type: "message", text, client_id: message.clientId });
  }

  decide(proposalId: string, isYes: boolean): void {
    this.change({ decided: { ...this.current.decided, [proposalId]: isYes }, problem: null });
    this.send({ type: isYes ? "confirm" : "decline", proposal_id: proposalId });
  }

  takeBack(): void {
    this.change({ returned: "" });
  }

  stop(): void {
    this.send({ type: "stop" });
  }

  /** Begins anew; what was said is kept by the hall only. */
  forget(): void {
    this.drop();
    this.change(BEGINNING);
  }

  private isWanted(): boolean {
    const { id, waiting } = this.current;
    return id !== null || waiting.length > 0;
  }

  private send(said: Said): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(said));
    else if (this.socket === null) this.connectNow();
  }

  private readonly connectNow = (): void => {
    window.clearTimeout(this.timer);
    if (this.isHere && this.socket === null && this.isWanted()) void this.connect();
  };

  private async connect(): Promise<void> {
    const attempt = ++this.attempts;
    try {
      // A request renews a session, or waits until one has signed in again; a handshake could not.
      const { ticket } = await answer(api.POST("/api/v1/auth/tickets"));
      if (!this.isHere || attempt !== this.attempts) return;
      const origin = location.origin.replace(/^http/, "ws");
      const socket = new WebSocket(`${origin}/api/v1/ai/interact?ticket=${encodeURIComponent(ticket)}`);
      this.socket = socket;
      socket.onopen = () => this.opened();
      socket.onmessage = ({ data }) => this.hear(JSON.parse(String(data)) as Told);
      socket.onclose = () => this.lost();
    } catch (error) {
      if (attempt !== this.attempts) return;
      const problem = asProblem(error);
      if (problem.isPassing) this.lost();
      else this.change({ problem });
    }
  }

  private attempts = 0;

  private opened(): void {
    this.failures = 0;
    this.heardAt = Date.now();
    this.heartbeat = window.setInterval(() => this.beat(), PING_MILLISECONDS);
    this.change({ isConnected: true, isLost: false });
    const { id, entries, waiting, decided } = this.current;
    if (id !== null) this.send({ type: "resume", conversation_id: id, after_seq: entries.at(-1)?.seq ?? 0 });
    for (const { text, clientId } of waiting) this.send({ type: "message", text, client_id: clientId });
    for (const [proposalId, isYes] of Object.entries(decided)) {
      this.send({ type: isYes ? "confirm" : "decline", proposal_id: proposalId });
    }
  }

  /** A connection can be dead without anybody saying so. */
  private beat(): void {
    if (Date.now() - this.heardAt > SILENCE_MILLISECONDS) this.lost();
    else this.send({ type: "ping" });
  }

  private lost(): void {
    this.drop();
    if (!this.isHere || !this.isWanted()) return;
    this.change({ isLost: true });
    const wait = Math.min(FIRST_WAIT_MILLISECONDS * 2 ** this.failures, LONGEST_WAIT_MILLISECONDS);
    this.failures += 1;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(this.connectNow, wait);
  }

  private drop(): void {
    this.attempts += 1;
    window.clearInterval(this.heartbeat);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    if (this.current.isConnected) this.change({ isConnected: false });
  }

  private hear(told: Told): void {
    this.heardAt = Date.now();
    if (told.type === "pong") return;
    if (told.type === "conversation") this.change({ id: told.id });
    else if (told.type === "error") this.refused(new Problem({ status: 409, error: told.error, detail: told.detail }));
    else this.note(told);
  }

  private note(entry: Entry): void {
    const { entries, waiting, decided } = this.current;
    const others = entries.filter(({ seq }) => seq !== entry.seq);
    const said = entry.type === "message" && entry.by === "member" ? entry.client_id : null;
    const settled = entry.type === "decision" ? entry.proposal_id : null;
    this.change({
      entries: [...others, entry].sort((one, other) => one.seq - other.seq),
      waiting: waiting.filter(({ clientId }) => clientId !== said),
      decided: Object.fromEntries(Object.entries(decided).filter(([id]) => id !== settled)),
    });
    // What was said while an answer was under way has its turn now.
    const next = this.current.waiting[0];
    if (next && said === null) this.send({ type: "message", text: next.text, client_id: next.clientId });
  }

  private refused(problem: Problem): void {
    if (problem.code === "answer_under_way" || problem.code === "nothing_under_way") return;
    if (problem.code === "conversation_not_found") {
      this.change({ id: null, entries: [], decided: {} });
      return;
    }
    if (problem.code.startsWith("proposal_")) {
      const wasHeardOf = Object.keys(this.current.decided).length === 0;
      this.change({ decided: {}, problem: wasHeardOf ? null : problem });
      return;
    }
    const returned = this.current.waiting.map(({ text }) => text).join("\n");
    this.change({ waiting: [], decided: {}, problem, returned });
  }

  private change(news: Partial<TalkState>): void {
    this.current = { ...this.current, ...news };
    const { id, waiting, decided } = this.current;
    try {
      if (this.isWanted()) sessionStorage.setItem(this.key, JSON.stringify({ id, waiting, decided } satisfies Kept));
      else sessionStorage.removeItem(this.key);
    } catch {
      // The browser has no room left: it stays on the page.
    }
    this.listeners.forEach((listener) => listener());
  }

  private kept(): Kept {
    try {
      return { ...NOTHING_KEPT, ...JSON.parse(sessionStorage.getItem(this.key) ?? "{}") };
    } catch {
      return NOTHING_KEPT;
    }
  }
}
