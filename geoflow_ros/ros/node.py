"""The node `localize`: a managed node whose transitions put the parts together and take them apart."""

from __future__ import annotations

from collections.abc import Sequence

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import JumpThreshold, TimeJump  # type: ignore[attr-defined] # where every distribution has them
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from geoflow_ros.configuration import changed, is_own
from geoflow_ros.errors import InputError
from geoflow_ros.ros.bond import ManagerBond
from geoflow_ros.ros.control import Control
from geoflow_ros.ros.diagnostics import ERROR, WARN, Diagnostics, Facts
from geoflow_ros.ros.inputs.subscriptions import Subscriptions
from geoflow_ros.ros.loaded import Load, told_if_slow
from geoflow_ros.ros.parameters import declare
from geoflow_ros.ros.pipeline import NewSession, Pipeline
from geoflow_ros.ros.transitions import logged, refuse_impossible
from geoflow_ros.tracking.session import Session

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
LEAST_JUMP_S = 1.0
UNHEARD_PERIOD_S = 10.0
INACTIVE, NO_IMAGE = ("INACTIVE", "not activated"), "no image received yet"


class LocalizeNode(LifecycleNode):
    """Configure reads weights and tiles, activate listens and answers; bad parameters are an InputError at once."""

    def __init__(self, load: Load, new_session: NewSession = Session) -> None:
        super().__init__("localize", automatically_declare_parameters_from_overrides=True)
        self.config = declare(self)
        self.failure = "the node could not be started: see its last lines above"
        self._load = load
        self._new_session = new_session
        self._pipeline: Pipeline | None = None
        self._inputs: Subscriptions | None = None
        self._control: Control | None = None
        self._bond = ManagerBond(self)
        refuse_impossible(self)
        self._diagnostics = Diagnostics(self, self._facts)
        self.add_on_set_parameters_callback(self._on_parameters)
        back = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-LEAST_JUMP_S), on_clock_change=False)
        self._jump = self.get_clock().create_jump_callback(back, post_callback=self._on_jump)

    @logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read weights and tiles; what cannot be read is a failure with its reason."""
        try:
            self._diagnostics.enter(
                WARN, "reading weights and tiles; the first start on a machine compiles the network"
            )
            with told_if_slow(self.get_logger().info):
                loaded = self._load(self.config)
            self._pipeline = Pipeline(self, self.config, loaded, self._diagnostics, self._new_session)
        except InputError as error:
            return self._failed("configured", error)
        self._pipeline.stop(*INACTIVE)
        return SUCCESS

    @logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen and answer; a topic that cannot be listened to is a failure with its reason."""
        assert self._pipeline is not None
        self._pipeline.reset(NO_IMAGE)
        self._pipeline.announcer.restore(self._pipeline.session)
        try:
            self._inputs = Subscriptions(self, self.config, self._pipeline)
            self._control = Control(self, self.config.map_frame, self._pipeline)
        except InputError as error:
            self._silence()
            return self._failed("activated", error)
        self._pipeline.open(self._awaited(self._inputs))
        if self.config.bond and not self.config.autostart:
            self._bond.form()
        return SUCCESS

    @logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Be silent, but keep what was read."""
        self._silence()
        return SUCCESS

    @logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget what was read."""
        self._release()
        return SUCCESS

    @logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End, from whatever state."""
        self.end()
        return SUCCESS

    @logged
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A transition raised: take everything apart, to be configured anew."""
        self.end()
        return SUCCESS

    def _failed(self, what: str, error: InputError) -> TransitionCallbackReturn:
        self.failure = str(error)
        self.get_logger().error(f"cannot be {what}: {error}")
        self._diagnostics.enter(ERROR, str(error))
        return FAILURE

    def end(self) -> None:
        """Take everything apart."""
        self._silence()
        self._release()

    def _silence(self) -> None:
        self._bond.dissolve()
        for part in (self._inputs, self._control):
            if part is not None:
                part.close()
        self._inputs = self._control = None
        if self._pipeline is not None:
            self._pipeline.stop(*INACTIVE)

    def _release(self) -> None:
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None
        self._diagnostics.enter(WARN, "not configured")

    def _on_parameters(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        values = {each.name: each.value for each in parameters if is_own(each.name)}
        try:
            config = changed(self.config, values)
            if self._pipeline is not None and values:
                self._pipeline.configure(config)
        except InputError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.config = config
        return SetParametersResult(successful=True)

    def _on_jump(self, jump: TimeJump) -> None:
        if self._pipeline is not None:
            self._pipeline.reset(f"time went back by {-jump.delta.nanoseconds * 1e-9:.1f} s")

    def _awaited(self, inputs: Subscriptions) -> str:
        return f"{NO_IMAGE} on {' or '.join(inputs.images)}"

    def _facts(self) -> Facts:
        pipeline, inputs = self._pipeline, self._inputs
        if pipeline is None:
            return Facts({}, ())
        values, session = pipeline.facts, pipeline.session
        values |= {f"refused {kind}": reason for kind, reason in session.refused.items()}
        values |= {f"warning {sensor}": sentence for sensor, sentence in session.warnings.items()}
        values["clock of the fixes, late by [s]"] = str(session.fixes.clock_offset)
        values["fixes from where frames fit [m]"] = str(session.fixes.offset)
        for name, delay in session.stamp_delays.items():
            values[f"stamps of images of {name}, late by [s]"] = str(delay)
        now_ns = self.get_clock().now().nanoseconds
        if now_ns and (fix := session.nearest_fix(now_ns)) is not None:
            values["age of the last fix [s]"] = f"{(now_ns - fix.stamp_ns) * 1e-9:.2f}"
        if session.frame is not None:
            datum = session.frame.datum
            values["datum"] = f"{datum.latitude:.8f} {datum.longitude:.8f} {datum.altitude:.2f}"
        if silence := pipeline.silence:
            pipeline.announcer.silent(silence)
        values |= {} if inputs is None else inputs.facts
        heard = () if inputs is None else inputs.warnings
        if inputs is not None and pipeline.is_waiting:
            pipeline.announcer.initialising("; ".join([self._awaited(inputs), *heard]))
            if heard:
                self.get_logger().warning("; ".join(heard), throttle_duration_sec=UNHEARD_PERIOD_S)
        return Facts(values, [*self._bond.warnings, *heard, *pipeline.warnings])
