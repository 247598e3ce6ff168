"""Training against test accuracy: which marks have names."""

from ablate.report.figures import train_test


def test_treatments_have_names_beside_their_marks_where_there_is_room(make):
    snapshot = make(overfitting={"dropout": [0.0, 0.5], "l2": [0.0, 0.1]})
    far = {"dropout=0.5": 0.85, "l2=0.1": 0.80}
    runs = snapshot.runs.assign(train_accuracy=0.97)
    runs["test_accuracy"] = runs["treatment"].map(far).fillna(0.93)
    picture = train_test.figure(runs, "batch_norm=true")
    assert all(f">{name}</text>" in picture.markup for name in ("baseline", "batch_norm=true", *far))
    assert "no room for a name" not in picture.note
    close = runs.assign(test_accuracy=0.93)
    picture = train_test.figure(close, "batch_norm=true")
    assert ">l2=0.1</text>" not in picture.markup
    assert "Where there is no room for a name, the table of treatments has it." in picture.note
