/** What travels over `/ai/interact`; docs/conversation.md says when. */

export type Change =
  | {
      readonly kind: "new_goal";
      readonly title: string;
      readonly description: string;
      readonly deadline: string;
      readonly minutes_per_day: number | null;
      readonly domain: string | null;
    }
  | { readonly kind: "move_task"; readonly title: string; readonly was_on: string | null; readonly to: string }
  | { readonly kind: "task_outcome"; readonly title: string; readonly status: "done" | "missed" | "open" }
  | { readonly kind: "new_days"; readonly moves: readonly { readonly title: string; readonly moves_to: string }[] };

export interface Proposed {
  readonly id: string;
  readonly summary: string;
  readonly change: Change;
}

interface MemberMessage {
  readonly type: "message";
  readonly by: "member";
  readonly seq: number;
  readonly text: string;
  readonly client_id: string | null;
}

export interface HallMessage {
  readonly type: "message";
  readonly by: "hall";
  readonly seq: number;
  readonly answers: number;
  readonly text: string;
  readonly proposals: readonly Proposed[];
  readonly provider: string;
  readonly notes: readonly string[];
}

interface Interrupted {
  readonly type: "interrupted";
  readonly seq: number;
  readonly answers: number;
  readonly reason: "stopped" | "lost";
}

export interface Decision {
  readonly type: "decision";
  readonly seq: number;
  readonly proposal_id: string;
  readonly state: "confirmed" | "declined" | "refused";
  readonly error: string | null;
  readonly detail: string | null;
  readonly goal_id: string | null;
}

export type Entry = MemberMessage | HallMessage | Interrupted | Decision;

export type Told =
  | Entry
  | { readonly type: "conversation"; readonly id: string; readonly seq: number; readonly answering: boolean }
  | { readonly type: "error"; readonly error: string; readonly detail: string }
  | { readonly type: "pong" };

export type Said =
  | { readonly type: "message"; readonly text: string; readonly client_id: string }
  | { readonly type: "confirm" | "decline"; readonly proposal_id: string }
  | { readonly type: "resume"; readonly conversation_id: string; readonly after_seq: number }
  | { readonly type: "stop" | "ping" };
