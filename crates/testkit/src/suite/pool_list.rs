//! The second list: what is promised by backends whose workers stay. A backend that keeps none does not get it.

use super::list::Entry;

/// Hands the list to another macro of this crate, behind arguments for it.
#[doc(hidden)]
#[macro_export]
macro_rules! each_pool_behaviour {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { [$($args)*]
            keeping: [
                a_worker_is_kept_warm,
                a_worker_serves_one_plugin,
                a_worker_serves_one_sandbox_plan,
                workers_are_told_with_what_they_do,
                workers_that_are_wanted_warm_are_started_with_the_pool,
                the_first_call_on_a_warm_worker_is_warm,
                a_warm_plugin_that_cannot_start_is_told_and_the_others_work,
                a_warm_plugin_that_is_not_there_is_a_fault_of_the_configuration,
                the_warm_up_runs_in_every_worker,
                first_calls_at_once_start_no_more_than_there_may_be,
                there_are_never_more_workers_than_there_may_be,
                a_free_worker_is_preferred_to_a_new_one,
                the_longest_idle_worker_goes_for_another_plugin,
                workers_with_nothing_to_do_are_sent_away,
                nested_calls_get_a_worker_beyond_the_bounds,
            ];
            recycling: [
                a_worker_is_replaced_after_its_calls,
                failed_calls_wear_a_worker_too,
                an_idle_worker_is_replaced_when_it_is_old,
                a_worker_that_grew_is_replaced,
                a_worker_that_overran_serves_nothing_more,
                a_worker_whose_handler_stopped_in_time_is_kept,
            ];
            crashing: [
                a_crash_fails_its_own_call_alone,
                a_killed_worker_is_replaced,
                a_call_that_had_not_begun_is_taken_back,
                an_idempotent_call_is_tried_once_more,
                an_idempotent_call_that_dies_twice_has_failed,
                a_call_is_tried_once_when_nothing_says_otherwise,
                too_many_crashes_quarantine_the_plugin,
                a_quarantine_is_the_plugins_alone,
                a_quarantined_plugin_is_tried_again_and_released,
                a_program_that_does_not_start_is_told_and_not_tried_over_and_over,
            ];
            checking: [
                a_worker_that_stands_still_is_replaced,
                a_busy_worker_that_stands_still_fails_its_call,
                a_worker_that_says_it_is_unhealthy_is_replaced,
                a_busy_worker_is_not_taken_for_dead,
                health_tells_of_a_quarantine,
            ];
            sizing: [
                more_workers_serve_those_that_wait,
                fewer_workers_are_those_that_have_nothing_to_do,
                a_busy_worker_finishes_before_it_goes,
                bounds_that_cannot_be_are_refused,
                a_faulty_pool_is_refused_with_every_fault,
            ];
            sharing: [
                a_plugin_waits_for_its_own_share,
                a_tenant_waits_for_its_own_share,
                a_share_may_refuse_instead,
                a_plugins_part_of_the_queue_is_bounded,
                a_tenants_part_of_the_queue_is_bounded,
                bytes_that_wait_are_bounded,
                a_full_queue_says_when_to_come_again,
                a_higher_priority_goes_first,
                who_waited_long_goes_before_a_higher_priority,
                two_plugins_share_one_worker,
            ];
            depth: [
                concurrent_calls_share_a_worker,
                a_handler_that_is_not_concurrent_has_its_worker_alone,
                a_crash_fails_every_call_that_had_begun,
                without_depth_a_worker_has_one_call,
            ];
            reloading: [
                a_replaced_program_is_run_by_new_workers,
                a_replaced_program_is_seen_without_being_told,
                a_program_that_is_as_it_was_is_not_started_again,
                what_waits_for_a_replaced_program_runs_the_new_one,
            ];
            pool_report: [
                the_numbers_of_workers_add_up,
                every_worker_that_went_is_counted_with_its_reason,
                waiting_and_spawning_are_measured,
                a_stopped_pool_has_no_workers_and_starts_none,
            ];
        }
    };
}

/// Makes a test of every behaviour that needs workers that stay, for each backend: `pool_suite!(mine: subject);` as
/// [`conformance_suite`](crate::conformance_suite) does with those of every backend.
#[macro_export]
macro_rules! pool_suite {
    ($($suite:ident: $subject:ident);+ $(;)?) => {
        $(mod $suite {
            $crate::each_pool_behaviour! { behaviour_tests $subject }
        })+
    };
}

pub(super) const POOL_BEHAVIOURS: &[Entry] = crate::each_pool_behaviour! { behaviour_table };
