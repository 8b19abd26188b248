"""Lifecycle transitions as rclpy leaves them open: exceptions without a word, transitions that are not possible."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

N = TypeVar("N", bound=LifecycleNode)
Transition = Callable[[N, LifecycleState], TransitionCallbackReturn]


def logged(transition: Transition[N]) -> Transition[N]:
    """The transition, whose exceptions are logged: rclpy turns them into an error without a word."""

    @wraps(transition)
    def wrapper(node: N, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception:
            node.get_logger().error(f"{transition.__name__} failed:\n{traceback.format_exc()}")
            raise

    return wrapper


def refuse_impossible(node: Any) -> None:
    """Answer a transition that the state does not have with success=False and a sentence in the log.

    rclpy of Jazzy raises instead, which ends the process; a restarted lifecycle manager asks for just that. node: a
    LifecycleNode, whose service and state machine have no public names.
    """
    service = node._service_change_state
    change = service.callback

    def answer(request: Any, response: Any) -> Any:
        wanted = request.transition
        possible = {number: label for number, label, *_ in node._state_machine.available_transitions}
        if wanted.label in possible.values() if wanted.label else wanted.id in possible:
            return change(request, response)
        _, state = node._state_machine.current_state
        node.get_logger().error(
            f"transition {wanted.label or wanted.id} refused: the node is {state}, expected one of "
            f"{', '.join(f'{label} ({number})' for number, label in possible.items())}"
        )
        response.success = False
        return response

    service.callback = answer
