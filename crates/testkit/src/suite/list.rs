//! The list. A behaviour that is not in it is not tested; one that is in it is tested on every backend.

use std::pin::Pin;

use crate::harness::Harness;

/// A behaviour: it panics when the backend behaves otherwise.
pub(super) type Behaviour = for<'a> fn(&'a mut Harness) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What a behaviour is about, its name, and itself.
pub(super) type Entry = (&'static str, &'static str, Behaviour);

/// Hands the list to another macro of this crate, behind arguments for it.
#[doc(hidden)]
#[macro_export]
macro_rules! each_behaviour {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { [$($args)*]
            result: [
                a_typed_value_goes_in_and_out,
                a_handler_without_a_result_answers_null,
                eight_mebibytes_go_in_and_out,
                bytes_of_another_type_arrive_unchanged,
                a_blocking_handler_answers,
                a_handler_is_told_about_its_execution,
                configuration_is_laid_over_defaults_host_and_request,
                many_executions_at_once_keep_their_own_results,
                a_plugin_is_warmed_up_before_its_first_call,
            ];
            failure: [
                input_of_another_shape_is_a_validation_error,
                an_unknown_handler_is_named_with_those_there_are,
                an_unknown_plugin_is_named,
                an_error_keeps_every_property,
                the_sources_of_an_error_survive,
                a_panic_is_an_error_with_its_place,
                a_panic_of_a_blocking_handler_is_the_same,
                a_backtrace_comes_when_it_is_asked_for,
                a_result_without_a_json_form_breaks_the_contract,
                configuration_of_another_shape_is_an_error,
                a_request_that_is_not_acceptable_is_refused_with_every_fault,
                an_input_over_the_limit_is_too_large,
                a_result_over_the_limit_is_too_large,
                a_faulty_configuration_is_refused_with_every_fault,
                a_process_that_dies_tells_why_and_its_last_words,
                a_program_that_does_not_start_is_explained,
            ];
            log_line: [
                lines_come_in_order_with_levels_and_fields,
                lines_reach_the_hosts_log_too,
                terminal_sequences_lose_their_power,
                lines_that_nobody_takes_are_dropped_and_counted,
                progress_comes_in_order_and_in_bounds,
                progress_that_is_waited_for_comes_whole,
                printed_lines_become_log_lines,
                a_print_without_a_line_end_is_not_lost,
                a_long_printed_line_is_cut_and_marked,
                events_come_while_the_handler_runs,
            ];
            stream: [
                pieces_come_in_order_and_end_before_the_result,
                a_stream_without_pieces_ends_too,
                a_sender_waits_for_its_reader,
                a_large_stream_passes,
                a_channel_carries_pieces_both_ways,
                an_input_that_breaks_off_is_seen,
                an_input_that_ends_is_complete,
                a_stream_that_nobody_reads_does_not_stop_a_cancellation,
            ];
            cancel: [
                cancelled_at_once_is_aborted,
                cancelled_while_it_waits_is_aborted,
                a_polite_handler_is_told_why_and_ends_in_time,
                a_deaf_async_handler_is_dropped,
                a_deaf_blocking_handler_is_killed_or_left,
                dropping_the_handle_cancels,
                a_detached_execution_goes_on,
            ];
            timeout: [
                beyond_its_time_is_a_timeout_with_step_and_limit,
                a_spinning_handler_times_out,
                a_deaf_blocking_handler_times_out,
                a_slow_execution_is_announced_and_goes_on,
                waiting_for_a_slot_is_another_clock,
                waiting_too_long_for_a_slot_is_acquire_timeout,
                a_full_queue_refuses_at_once,
                the_deadline_is_visible_and_shrinks_through_a_nested_call,
                a_nested_call_ends_with_its_callers_time,
                a_call_to_the_host_is_bounded_by_the_calls_time,
            ];
            queue: [
                calls_wait_in_order_and_nobody_overtakes,
                a_short_call_behind_a_long_one_succeeds,
                fifty_short_calls_on_two_places_all_succeed,
                the_acquire_clock_stops_when_a_place_is_there,
                events_of_a_call_that_waited_are_delivered,
                an_id_that_waits_is_not_used_twice,
                a_cancelled_waiter_frees_its_place_at_once,
                a_waiter_that_nobody_holds_frees_its_place,
                a_waiter_that_expired_frees_its_place,
                a_queue_without_places_still_runs_what_finds_a_slot,
                a_target_without_meaning_is_an_outcome,
                a_handler_that_timed_out_does_not_run_beside_the_next,
            ];
            cleanup: [
                cleanups_run_newest_first_after_success,
                cleanups_run_after_an_error,
                cleanups_run_after_a_panic,
                cleanups_run_after_a_timeout,
                cleanups_run_after_a_cancellation,
            ];
            artifact: [
                artifacts_are_listed_with_their_sizes,
                artifacts_are_copied_to_the_callers_directory,
                names_that_lead_out_are_refused,
                what_is_no_regular_file_is_skipped_with_a_reason,
            ];
            workspace: [
                a_workspace_is_fresh_and_gone_afterwards,
                seed_files_are_there,
                a_workspace_is_kept_when_asked,
                an_existing_directory_stays_as_it_is,
                storage_over_the_limit_is_an_error,
                a_worker_sees_a_scrubbed_environment_and_works_in_its_workspace,
                processes_that_a_handler_leaves_end_with_it,
                a_failed_execution_names_its_workspace_too,
                executions_at_once_have_workspaces_of_their_own,
            ];
            invoke: [
                a_nested_call_answers,
                a_nested_failure_keeps_its_code,
                a_nested_call_without_a_grant_is_denied,
                a_nested_call_never_gains_grants,
                a_nested_call_inherits_tenant_request_and_trace,
                a_cycle_of_calls_is_refused,
                calls_nest_to_a_bounded_depth,
                nested_calls_need_no_slot_of_their_own,
                a_nested_call_ends_with_its_caller,
            ];
            service: [
                the_cache_answers,
                the_state_answers_and_outlives_executions,
                state_is_kept_apart_by_tenant,
                a_state_quota_is_enforced,
                the_storage_answers,
                topics_carry_messages_between_executions,
                a_service_of_the_host_answers_and_refuses,
            ];
            file: [
                granted_files_are_written_read_listed_and_removed,
                a_file_without_a_grant_is_denied_and_the_grant_named,
                a_grant_of_files_covers_whole_names_only,
                a_link_that_leads_out_is_refused,
                swapping_a_directory_for_a_link_never_leads_out,
                a_pipe_does_not_keep_anybody_waiting,
                names_that_hold_secrets_are_refused_whatever_is_granted,
                a_file_is_replaced_whole,
                a_file_is_not_moved_to_where_it_can_be_read,
                a_file_over_the_limit_is_too_large,
            ];
            machine: [
                a_granted_variable_is_the_hosts,
                a_program_needs_its_grant_and_a_host_that_runs_it,
                a_request_needs_its_grant_and_a_host_that_makes_it,
            ];
            denial: [
                every_service_is_denied_without_a_grant,
                a_denial_is_audited_and_announced,
                a_grant_covers_its_scope_and_nothing_else,
                a_context_that_outlives_its_execution_reaches_nothing,
            ];
            shutdown: [
                a_drain_lets_what_runs_finish,
                a_drain_that_takes_too_long_stops_what_is_left,
                now_stops_what_runs,
                after_a_shutdown_nothing_is_taken,
                a_second_shutdown_gets_the_same_report,
                a_deaf_handler_does_not_stop_a_shutdown,
                a_drain_finishes_what_waits_too,
                a_drain_that_takes_too_long_cancels_what_waits,
                somebody_in_a_hurry_ends_a_drain,
                a_shutdown_goes_on_without_its_caller,
                after_a_shutdown_nothing_is_started_again,
                a_backend_that_ran_nothing_stops_with_an_empty_report,
            ];
            report: [
                a_live_id_is_not_used_twice,
                statistics_count_by_code,
                a_backend_is_healthy_until_it_stops,
                subscribers_see_what_happens,
                timings_are_complete_and_consistent,
                usage_is_measured_or_absent,
                the_sandbox_report_says_what_was_in_force,
                a_plugin_describes_itself,
                a_free_slot_makes_it_ready,
                what_ran_was_started_once,
                statistics_are_kept_by_plugin,
                a_wait_counts_as_wait_and_not_as_run,
                only_a_pool_is_resized_and_reloaded,
                a_subscriber_that_does_not_keep_up_sees_how_many_it_lost,
            ];
        }
    };
}

/// Makes the table that [`super::run`] looks behaviours up in.
#[doc(hidden)]
#[macro_export]
macro_rules! behaviour_table {
    ([] $($module:ident: [$($name:ident),* $(,)?];)*) => {
        &[$($((
            stringify!($module),
            stringify!($name),
            |harness| Box::pin($crate::behaviour::$module::$name(harness)),
        ),)*)*]
    };
}

/// Makes a test of each behaviour.
#[doc(hidden)]
#[macro_export]
macro_rules! behaviour_tests {
    ([$subject:ident] $($module:ident: [$($name:ident),* $(,)?];)*) => {
        $(mod $module {
            $(#[test]
            fn $name() {
                // Whether it has a meaning here is the table's to tell.
                let _verdict = $crate::suite::run(stringify!($module), stringify!($name), &super::super::$subject());
            })*
        })*
    };
}

/// Makes a test of every behaviour for each backend: `conformance_suite!(in_process: linked_subject);` makes a module
/// `in_process`, whose tests call `linked_subject() -> Subject`, a function beside the line.
#[macro_export]
macro_rules! conformance_suite {
    ($($suite:ident: $subject:ident);+ $(;)?) => {
        $(mod $suite {
            $crate::each_behaviour! { behaviour_tests $subject }
        })+
    };
}

pub(super) const BEHAVIOURS: &[Entry] = crate::each_behaviour! { behaviour_table };
