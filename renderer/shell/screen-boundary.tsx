import { Component, type ReactNode } from 'react';
import { FailureNote } from '../parts/empty-state.tsx';

/**
 * A screen that cannot be drawn must not take the shell with it: Pause all and the other screens stay in reach. React
 * catches errors of rendering in a class component only.
 */
export class ScreenBoundary extends Component<{ readonly children: ReactNode }, { readonly problem: string | null }> {
  override state: { readonly problem: string | null } = { problem: null };

  static getDerivedStateFromError(error: unknown): { readonly problem: string } {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  readonly #tryAgain = (): void => this.setState({ problem: null });

  override render(): ReactNode {
    if (this.state.problem === null) return this.props.children;
    return (
      <FailureNote
        message="This screen could not be shown. Agents are not affected, and nothing was decided."
        recover={`What went wrong: ${this.state.problem}`}
        onRetry={this.#tryAgain}
        testId="shell.screen-failed"
      />
    );
  }
}
