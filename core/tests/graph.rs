//! What a tool does when Graph or Entra says no.

use std::time::Duration;

use entra_mcp_fuzz::{
    client::{Dialect, Trouble},
    scene::Scene,
    world::World,
};

fn signed_in(dialect: Dialect) -> Scene {
    let mut scene = Scene::of(&World::calm(), "alice", dialect);
    scene.use_tools().expect("alice signs in");
    scene
}

// TOOL-04: words of ours, nothing of the upstream call.
#[test]
fn what_graph_refuses_is_told_in_words_and_the_next_call_works() {
    for dialect in Dialect::ALL {
        for status in [403, 404, 429, 500, 502, 503, 504] {
            let mut scene = signed_in(dialect);
            scene
                .world
                .entra(|entra| entra.fail_graph(status, Some(1), 8));
            let trouble = scene.ask().unwrap_err();
            let Trouble::Tool(words) = &trouble else {
                panic!("{dialect:?} {status}: {trouble}")
            };
            assert!(!words.contains("error"), "{words}");
            scene.world.entra(entra_mcp_fuzz::entra::Entra::recover);
            scene.ask().unwrap();
        }
    }
}

#[test]
fn a_token_that_graph_does_not_take_is_renewed_once() {
    let mut scene = signed_in(Dialect::Modern);
    scene.world.entra(|entra| entra.fail_graph(401, None, 1));
    scene.ask().unwrap();
}

#[test]
fn while_entra_cannot_be_reached_tools_say_so_and_the_session_lives() {
    for dialect in Dialect::ALL {
        let mut scene = signed_in(dialect);
        scene.world.entra(|entra| entra.set_down(true));
        let trouble = scene.ask().unwrap_err();
        assert!(
            matches!(trouble, Trouble::Tool(_)),
            "{dialect:?}: {trouble}"
        );
        scene.world.entra(|entra| entra.set_down(false));
        scene.ask().unwrap();
    }
}

#[test]
fn entras_token_is_renewed_silently_when_it_is_about_to_end() {
    let mut scene = signed_in(Dialect::Modern);
    scene.wait(Duration::from_secs(3500));
    scene.ask().unwrap();
}
